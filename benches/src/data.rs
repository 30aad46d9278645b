//! The data of every bench, the same in every run on every machine.

use serde::{Deserialize, Serialize};

/// The edges that leave each node of a [`Network`].
pub(crate) const OUT_DEGREE: usize = 3;

/// The documents of a small batch.
#[cfg(feature = "peers")]
pub(crate) const BATCH: usize = 100;

const SEED: u64 = 0x6a76_7370_6174_6961;

const SYLLABLES: [&str; 16] = [
    "ber", "lin", "os", "lo", "ka", "ri", "ston", "vil", "mar", "den", "hol", "sund", "tra", "no",
    "fel", "gard",
];

pub(crate) const COUNTRIES: [&str; 8] =
    ["Norway", "Brazil", "Kenya", "Canada", "Viet Nam", "Peru", "New Zealand", "Portugal"];

/// A document of five fields; with its envelope its line has about 200 bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, jvspatial::Node)]
pub(crate) struct City {
    pub(crate) name: String,
    pub(crate) country: String,
    pub(crate) population: u64,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

impl City {
    /// A number that depends on every field, to be added up over what was visited or read.
    pub(crate) fn check(&self) -> u64 {
        let text = self.name.bytes().chain(self.country.bytes()).map(u64::from).sum::<u64>();
        let place = self.latitude.to_bits() ^ self.longitude.to_bits().rotate_left(32);
        text.wrapping_add(self.population).wrapping_add(place)
    }
}

/// The first cities, without an end.
pub(crate) fn cities() -> impl Iterator<Item = City> {
    let mut random = Random::new(SEED);
    (0_u64..).map(move |number| {
        let mut name = String::new();
        for _ in 0..4 {
            name.push_str(random.pick(&SYLLABLES));
        }
        name[..1].make_ascii_uppercase();
        name.push_str(&format!(" {number:07}"));
        City {
            name,
            country: random.pick(&COUNTRIES).to_owned(),
            population: random.below(20_000_000),
            latitude: random.degrees(90),
            longitude: random.degrees(180),
        }
    })
}

/// The id of a city in the bytes of a floor, in the stored form; ids sort by number.
pub(crate) fn id(number: usize) -> String {
    format!("n.City.6740{number:020x}")
}

/// Keys as of documents whose ids come from elsewhere: 24 hex digits that do not ascend.
#[cfg(feature = "peers")]
pub(crate) fn random_keys() -> impl Iterator<Item = String> {
    let mut random = Random::new(!SEED);
    std::iter::repeat_with(move || format!("{:016x}{:08x}", random.next(), random.next() >> 32))
}

/// The first cities with their ids.
pub(crate) fn documents(count: usize) -> Vec<(String, City)> {
    (0..count).map(id).zip(cities()).collect()
}

/// The line of a city as the JSON database stores it.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "_version")]
    version: u32,
    entity: &'a str,
    context: &'a City,
}

/// Appends the line of a city and its line feed.
pub(crate) fn write_line(
    id: &str,
    version: u32,
    city: &City,
    bytes: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let line = Line { id, version, entity: "City", context: city };
    serde_json::to_writer(&mut *bytes, &line)?;
    bytes.push(b'\n');
    Ok(())
}

#[derive(Deserialize)]
struct OwnedLine {
    context: City,
}

/// Decodes the city of a line; the keys of the envelope are checked as JSON and passed over.
pub(crate) fn read_line(line: &[u8]) -> serde_json::Result<City> {
    Ok(serde_json::from_slice::<OwnedLine>(line)?.context)
}

/// The lines of the first cities in one buffer, in the order of their ids.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Lines {
    /// Writes the lines of `count` cities; they must fit in 4 GiB.
    pub(crate) fn new(count: usize) -> crate::Result<Self> {
        let mut lines = Self { bytes: Vec::new(), ends: Vec::with_capacity(count) };
        for (number, city) in cities().take(count).enumerate() {
            write_line(&id(number), 1, &city, &mut lines.bytes)?;
            lines.ends.push(u32::try_from(lines.bytes.len())?);
        }
        Ok(lines)
    }

    /// Where the line of a city stands, without its line feed.
    pub(crate) fn range(&self, number: usize) -> std::ops::Range<usize> {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        start..self.ends[number] as usize - 1
    }
}

/// A directed graph of which every node is reachable from every other.
#[derive(Debug)]
pub(crate) struct Network {
    /// The node after which each edge of node `n` goes: `targets[n * OUT_DEGREE..][..OUT_DEGREE]`.
    pub(crate) targets: Vec<u32>,
}

impl Network {
    /// `nodes` nodes with [`OUT_DEGREE`] edges each, all to different nodes and never to themselves.
    ///
    /// The first edge of each node closes a ring through all nodes, in steps large enough that
    /// neighbours lie far apart in memory; the others are drawn.
    pub(crate) fn new(nodes: usize) -> crate::Result<Self> {
        let count = u32::try_from(nodes)?;
        if nodes <= OUT_DEGREE {
            return Err(format!("a network needs more than {OUT_DEGREE} nodes").into());
        }
        let step = ring_step(count);
        let mut random = Random::new(!SEED);
        let mut targets = Vec::with_capacity(nodes * OUT_DEGREE);
        for node in 0..count {
            let first = targets.len();
            targets.push(((u64::from(node) + u64::from(step)) % u64::from(count)) as u32);
            while targets.len() < first + OUT_DEGREE {
                let target = random.below(u64::from(count)) as u32;
                if target != node && !targets[first..].contains(&target) {
                    targets.push(target);
                }
            }
        }
        Ok(Self { targets })
    }
}

/// A step near the golden section of `count` that shares no divisor with it.
fn ring_step(count: u32) -> u32 {
    let start = (f64::from(count) * 0.618) as u32;
    (start.max(1)..count).find(|step| greatest_common_divisor(*step, count) == 1).unwrap_or(1)
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Numbers below `count` in a fixed order without a pattern, each as likely as any other.
pub(crate) fn drawn(count: usize) -> impl Iterator<Item = usize> {
    let mut random = Random::new(SEED.rotate_left(17));
    std::iter::repeat_with(move || random.below(count as u64) as usize)
}

/// SplitMix64: small, and the same everywhere.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, by the high half of a product.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len() as u64) as usize]
    }

    /// An angle between `-most` and `most` with six decimals.
    fn degrees(&mut self, most: u32) -> f64 {
        let millionths = self.below(u64::from(most) * 2_000_000) as f64;
        (millionths - f64::from(most) * 1e6) / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_about_200_bytes_and_decodes_to_its_city() {
        let lines = Lines::new(1_000).unwrap();
        let mean = lines.bytes.len() / 1_000;
        assert!((190..=210).contains(&mean), "{mean}");
        for (number, city) in cities().take(1_000).enumerate() {
            assert_eq!(read_line(&lines.bytes[lines.range(number)]).unwrap(), city);
        }
    }

    #[test]
    fn the_stored_line_has_the_documented_shape() {
        let city = City {
            name: "Oslo".to_owned(),
            country: "Norway".to_owned(),
            population: 717_710,
            latitude: 59.9,
            longitude: 10.75,
        };
        let mut bytes = Vec::new();
        write_line(&id(10), 1, &city, &mut bytes).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            concat!(
                r#"{"_id":"n.City.67400000000000000000000a","_version":1,"entity":"City","#,
                r#""context":{"name":"Oslo","country":"Norway","population":717710,"#,
                r#""latitude":59.9,"longitude":10.75}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_network_has_no_loops_and_no_double_edges() {
        let network = Network::new(1_000).unwrap();
        for (node, targets) in network.targets.chunks(OUT_DEGREE).enumerate() {
            let mut distinct = targets.to_vec();
            distinct.push(node as u32);
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), OUT_DEGREE + 1, "{node}: {targets:?}");
        }
    }

    #[test]
    fn a_ring_leads_through_every_node() {
        for nodes in [4, 5, 999, 1_000, 1_024] {
            let network = Network::new(nodes).unwrap();
            let (mut node, mut length) = (0, 0);
            while length == 0 || node != 0 {
                node = network.targets[node * OUT_DEGREE] as usize;
                length += 1;
            }
            assert_eq!(length, nodes);
        }
    }

    #[test]
    fn data_are_the_same_in_every_run() {
        let check = cities().take(1_000).fold(0, |sum: u64, city| sum.wrapping_add(city.check()));
        let again = cities().take(1_000).fold(0, |sum: u64, city| sum.wrapping_add(city.check()));
        assert_eq!(check, again);
        assert_eq!(
            Network::new(100).unwrap().targets[..3],
            Network::new(100).unwrap().targets[..3]
        );
    }
}
