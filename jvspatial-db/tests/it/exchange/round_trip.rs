//! Export, import and export again: the same bytes, whatever the documents hold.

use std::collections::BTreeMap;

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, DateTime, Decimal128, JavaScriptCodeWithScope, Regex, Timestamp};
use jvspatial_db::exchange::ImportOptions;
use jvspatial_db::{
    Bson, Collection, Database, Ends, EntityName, Envelope, Id, Link, Version, WriteBatch,
};

use super::{databases, export, import_with};

/// How many values go through; `EXCHANGE_VALUES` asks for more.
fn wanted() -> usize {
    std::env::var("EXCHANGE_VALUES").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000)
}

/// A generator of numbers that is the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    /// Every scalar value of Unicode is possible, the troublesome ones often.
    fn text(&mut self) -> String {
        const ODD: [char; 10] =
            ['"', '\\', '\n', '\r', '\u{0}', '\u{1f}', '\u{7f}', '\u{2028}', '\u{feff}', '😀'];
        let count = self.below(12);
        (0..count)
            .map(|_| match self.below(3) {
                0 => ODD[self.below(10) as usize],
                1 => char::from(b' ' + self.below(95) as u8),
                _ => char::from_u32(self.below(0x11_0000) as u32).unwrap_or('\u{fffd}'),
            })
            .collect()
    }

    fn name(&mut self, number: u64) -> String {
        let text: String = self.text().chars().filter(|c| !matches!(c, '\0' | '.' | '$')).collect();
        format!("{text}{number}")
    }

    fn map(&mut self, depth: u64, values: &mut usize) -> bson::Document {
        (0..self.below(6)).map(|number| (self.name(number), self.value(depth, values))).collect()
    }

    fn value(&mut self, depth: u64, values: &mut usize) -> Bson {
        *values += 1;
        let number = self.next();
        match self.below(if depth == 0 { 20 } else { 23 }) {
            0 => Bson::Double(f64::from_bits(number)),
            1 => Bson::Double(
                [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, 1e300]
                    [(number % 6) as usize],
            ),
            2 => Bson::Double(number as i64 as f64 / 1000.0),
            3 => Bson::String(self.text()),
            4 => Bson::Boolean(number.is_multiple_of(2)),
            5 => Bson::Null,
            6 => Bson::Int32(number as i32),
            7 => Bson::Int64(number as i64),
            8 => Bson::Int64([i64::MIN, i64::MAX, 0, 1 << 31][(number % 4) as usize]),
            9 => {
                let (one, two) = (number.to_le_bytes(), (number >> 7).to_le_bytes());
                let bytes: Vec<u8> = one.into_iter().chain(two).take(12).collect();
                Bson::ObjectId(ObjectId::from_bytes(bytes.try_into().unwrap()))
            }
            10 => Bson::DateTime(DateTime::from_millis(number as i64)),
            11 => Bson::DateTime(DateTime::from_millis((number % 300_000_000_000_000) as i64)),
            12 => {
                let bytes = (0..number % 20).map(|_| self.next() as u8).collect();
                let subtype = BinarySubtype::from((number >> 32) as u8 % 10);
                Bson::Binary(Binary { subtype, bytes })
            }
            13 => {
                let text = format!("{}E{}", number as i64, number % 100);
                Bson::Decimal128(text.parse::<Decimal128>().unwrap())
            }
            14 => {
                let (time, increment) = (number as u32, (number >> 32) as u32);
                Bson::Timestamp(Timestamp { time, increment })
            }
            15 => {
                let pattern = "^a\"é".to_owned().try_into().unwrap();
                let options = ["", "im", "x"][(number % 3) as usize].to_owned();
                Bson::RegularExpression(Regex { pattern, options: options.try_into().unwrap() })
            }
            16 => Bson::Symbol(self.text()),
            17 => Bson::JavaScriptCode(self.text()),
            18 => {
                let scope = self.map(0, values);
                Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code: self.text(), scope })
            }
            19 => [Bson::MinKey, Bson::MaxKey, Bson::Undefined][(number % 3) as usize].clone(),
            20 => Bson::Document(self.map(depth - 1, values)),
            _ => (0..number % 5).map(|_| self.value(depth - 1, values)).collect::<Vec<_>>().into(),
        }
    }

    fn id(&mut self, collection: Collection, number: usize) -> Id {
        let entity = EntityName::new(["City", "Road", "Note_2"][number % 3]).unwrap();
        if number.is_multiple_of(4) {
            return Id::with_key(collection, entity, &format!("schlüssel {number}")).unwrap();
        }
        let mut key = [0; 12];
        key[4..].copy_from_slice(&(number as u64).to_be_bytes());
        Id::generated(collection, entity, key)
    }
}

/// Fills a database with random documents of every collection and every envelope.
async fn fill(db: &dyn Database, random: &mut Random, wanted: usize) {
    let mut values = 0;
    let mut number = 0;
    while values < wanted {
        let mut batch = WriteBatch::new(db.capabilities().encoding);
        let nodes = number;
        for _ in 0..300 {
            let collection = Collection::ALL[number % 4];
            let collection = if number - nodes < 2 { Collection::Node } else { collection };
            let link = (collection == Collection::Edge).then(|| {
                let source = random.id(Collection::Node, nodes);
                let target = random.id(Collection::Node, nodes + 1);
                let bidirectional = random.below(2) == 0;
                Link { ends: Ends { source, target, bidirectional }, unique: false }
            });
            let version = [0, 1, 1 << 53, 1 << 62][random.below(4) as usize];
            let schema = [1, 1, 2, u32::MAX][random.below(4) as usize];
            let envelope = Envelope { version: Version::new(version), schema, link };
            let fields = random.map(3, &mut values);
            batch.insert_as(random.id(collection, number), &fields, envelope).unwrap();
            number += 1;
        }
        assert!(db.write(batch).await.unwrap().is_complete());
    }
}

#[tokio::test]
async fn every_kind_of_value_goes_around_without_a_changed_byte() {
    let mut random = Random(7);
    let wanted = wanted();
    let mut left = wanted;
    while left > 0 {
        // A part at a time, since the reference backend looks at all documents for one.
        let part = left.min(20_000);
        left -= part;
        let [first, _] = databases();
        fill(&*first, &mut random, part).await;
        let mut exported = BTreeMap::new();
        for collection in Collection::ALL {
            exported.insert(collection, export(&*first, collection).await);
        }
        for copy in databases() {
            for collection in Collection::ALL {
                let lines = &exported[&collection];
                let options = ImportOptions::new().batch_bytes(100_000);
                let report = import_with(&*copy, collection, lines, options).await.unwrap();
                assert_eq!(report.written, lines.lines().count() as u64);
            }
            for collection in Collection::ALL {
                let again = export(&*copy, collection).await;
                let differing =
                    again.lines().zip(exported[&collection].lines()).find(|(a, b)| a != b);
                assert_eq!(differing, None, "{collection}");
                assert!(again == exported[&collection], "{collection}");
            }
        }
    }
}
