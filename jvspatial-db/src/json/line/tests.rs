#![allow(clippy::unwrap_used)]
use super::*;

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn ends(bidirectional: bool) -> Ends {
    Ends { source: id("n.A.東京"), target: id("n.B.2"), bidirectional }
}

#[test]
fn a_node_is_spelled_as_the_design_says_and_read_back() {
    let mut line = Vec::new();
    let prefix = push_prefix(&mut line, &id("n.City.oslo"), 3, 1);
    line.extend_from_slice(br#"{"name":"Oslo"}"#);
    let suffix = push_suffix(&mut line, None);
    assert_eq!(
        std::str::from_utf8(&line).unwrap(),
        "{\"_id\":\"n.City.oslo\",\"_version\":3,\"entity\":\"City\",\"context\":{\"name\":\"Oslo\"}}\n"
    );
    let expected =
        DocumentLine { id: "n.City.oslo", version: 3, schema: 1, prefix, suffix, ends: None };
    assert_eq!(Line::parse(&line), Some(Line::Document(expected)));
}

#[test]
fn an_edge_whose_fields_imitate_its_ends_is_read_by_its_true_ends() {
    for bidirectional in [false, true] {
        let mut line = Vec::new();
        let prefix = push_prefix(&mut line, &id("e.Road.1"), 1, 7);
        line.extend_from_slice(
            br#"{"a":",\"source\":\"n.X.1\",\"target\":\"n.X.2\",\"bidirectional\":true}"}"#,
        );
        let suffix = push_suffix(&mut line, Some(&ends(bidirectional)));
        let Some(Line::Document(read)) = Line::parse(&line) else { panic!("not read") };
        let ends = read.ends.unwrap();
        assert_eq!((ends.source, ends.target), ("n.A.東京", "n.B.2"));
        assert_eq!((ends.bidirectional, read.schema), (bidirectional, 7));
        assert_eq!((read.prefix, read.suffix), (prefix, suffix));
    }
}

#[test]
fn a_commit_line_vouches_for_every_byte_before_its_checksum() {
    let lines = [1, 2, 3];
    let mut line = Vec::new();
    let checksum = push_commit(&mut line, 9, 8, 77, &lines);
    let Some(Line::Commit(commit)) = Line::parse(&line) else { panic!("not read") };
    assert_eq!(commit, CommitLine { sequence: 9, count: 3, synced: 8, previous: 77, checksum });
    assert!(commit_is_sound(&line, &commit, &lines));
    assert!(!commit_is_sound(&line, &commit, &[1, 3, 2]));
    for position in 0..line.len() {
        for bit in 0..8 {
            let mut flipped = line.clone();
            flipped[position] ^= 1 << bit;
            let accepted = match Line::parse(&flipped) {
                Some(Line::Commit(commit)) => commit_is_sound(&flipped, &commit, &lines),
                _ => false,
            };
            assert!(!accepted, "flip of bit {bit} at {position} went unnoticed");
        }
    }
}

#[test]
fn a_batch_of_many_lines_is_closed_by_the_same_line_as_if_all_were_kept() {
    for count in [0, 1, OpenBatch::KEPT - 1, OpenBatch::KEPT, 3 * OpenBatch::KEPT + 7] {
        let lines: Vec<u64> = (0..count as u64).map(|n| n.wrapping_mul(0x9e37_79b9)).collect();
        let mut line = Vec::new();
        push_commit(&mut line, 4, 3, 77, &lines);
        let Some(Line::Commit(commit)) = Line::parse(&line) else { panic!("no commit") };
        let mut batch = OpenBatch::default();
        lines.iter().for_each(|checksum| batch.push(*checksum));
        assert_eq!(batch.count(), count as u64);
        assert!(batch.is_closed_by(&line, &commit), "{count}");
        batch.push(1);
        assert!(!batch.is_closed_by(&line, &commit), "{count}");
        batch.clear();
        assert_eq!(batch.count(), 0);
    }
}

#[test]
fn tombstones_and_headers_are_read_back() {
    let mut line = Vec::new();
    push_tombstone(&mut line, &id("o.Note.1"), 4);
    assert_eq!(Line::parse(&line), Some(Line::Tombstone { id: "o.Note.1", version: 4 }));
    for segment in [SegmentName::new(12), SegmentName { number: 12, generation: 3 }] {
        line.clear();
        push_header(&mut line, segment, 1, "abc");
        let header = HeaderLine { segment, format: 1, store: "abc" };
        assert_eq!(Line::parse(&line), Some(Line::Header(header)));
    }
}

#[test]
fn lines_in_any_other_spelling_are_refused() {
    for bad in [
        "",
        "\n",
        "{}\n",
        "{\"_id\":\"n.City.1\"}\n",
        "{\"_id\":\"n.City.1\",\"_version\":01,\"entity\":\"City\",\"context\":{}}\n",
        "{\"_id\":\"n.City.1\",\"_version\":-1,\"entity\":\"City\",\"context\":{}}\n",
        "{\"_id\":\"n.City.1\",\"_version\":99999999999999999999,\"entity\":\"City\",\"context\":{}}\n",
        "{\"_id\":\"n.City.1\",\"_version\":1,\"entity\":\"Town\",\"context\":{}}\n",
        "{\"_id\":\"n.City.1\",\"_version\":1,\"entity\":\"City\",\"context\":{}\n",
        "{\"_id\":\"n.City.1\",\"_version\":1,\"entity\":\"City\",\"context\":[]}\n",
        "{\"_id\":\"n.City.1\",\"_version\":1,\"entity\":\"City\",\"context\":[}}\n",
        "{\"_id\":\"n.City.1\",\"_version\":1,\"entity\":\"City\",\"context\":{]}\n",
        "{\"_id\":\"n.City.1\",\"_version\":1,\"entity\":\"City\",\"context\":{}]\n",
        "{\"_id\":\"n.City.1\",\"_version\":1,\"entity\":\"City\",\"context\":{}}",
        "{\"_id\":\"e.Road.1\",\"_version\":1,\"entity\":\"Road\",\"context\":{}}\n",
        "{\"_commit\":1,\"count\":1,\"synced\":0,\"previous\":\"00\",\"checksum\":\"00\"}\n",
        "{\"_commit\":1,\"count\":1,\"synced\":0,\"previous\":\"000000000000000A\",\"checksum\":\"0000000000000000\"}\n",
    ] {
        assert_eq!(Line::parse(bad.as_bytes()), None, "{bad:?}");
    }
}

#[test]
fn the_longest_lines_have_room_in_what_a_line_may_have_and_it_is_16_mib_and_4_kib() {
    let longest = |letter: &str| id(&format!("{letter}.{}.{}", "A".repeat(64), "1".repeat(64)));
    let ends = Ends { source: longest("n"), target: longest("n"), bidirectional: false };
    let mut line = Vec::new();
    push_prefix(&mut line, &longest("e"), u64::MAX, u32::MAX);
    push_suffix(&mut line, Some(&ends));
    assert!(crate::limits::MAX_DOCUMENT_BYTES + line.len() <= MAX_LINE);
    assert_eq!(MAX_LINE, (16 << 20) + (4 << 10));
}

#[test]
fn the_parts_of_a_line_have_the_lengths_that_they_have_alone_wherever_they_are_appended() {
    let (mut alone, mut behind) = (Vec::new(), b"another line\n".to_vec());
    let road = id("e.Road.1");
    let prefix = push_prefix(&mut alone, &road, 1, 1);
    assert_eq!(usize::from(prefix), alone.len());
    assert_eq!(push_prefix(&mut behind, &road, 1, 1), prefix);
    alone.clear();
    let suffix = push_suffix(&mut alone, Some(&ends(true)));
    assert_eq!(usize::from(suffix), alone.len() - 1);
    assert_eq!(push_suffix(&mut behind, Some(&ends(true))), suffix);
}

#[test]
fn a_line_has_the_checksum_xxh3_64() {
    assert_eq!(line_checksum(b""), 0x2d06_8005_38d3_94c2);
    assert_ne!(line_checksum(b"a\n"), line_checksum(b"b\n"));
}

#[test]
fn checksums_are_kept_one_by_one_for_tens_of_thousands_of_lines_and_never_for_more() {
    let mut batch = OpenBatch::default();
    (0..50_000).for_each(|checksum| batch.push(checksum));
    assert!(batch.sum.is_none());
    (0..200_000).for_each(|checksum| {
        batch.push(checksum);
        assert!(batch.lines.len() < 100_000);
    });
    assert_eq!(batch.count(), 250_000);
}
