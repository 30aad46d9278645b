//! Histories of transactions that read and append to lists, and the search for what must not be in them.
//!
//! Every value is appended once, so a list tells who has written it and in which order; from that follow the
//! dependencies between transactions, and from these the anomalies as Adya names them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One step of a transaction on the list of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Read(u64, Vec<u64>),
    Append(u64, u64),
}

/// What a transaction did, and whether it was committed.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) steps: Vec<Step>,
    pub(super) is_committed: bool,
}

/// What must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Anomaly {
    /// A value that was appended and acknowledged is in no list.
    Lost,
    /// Two reads do not agree on the order of a list, or one does not know what its own transaction appended.
    Incompatible,
    /// A cycle of writes.
    G0,
    /// A read of what was never committed.
    G1a,
    /// A read of what its transaction has written over.
    G1b,
    /// A cycle of writes and reads of what they wrote.
    G1c,
    /// A cycle with one read of what was then written over: skew seen from inside.
    GSingle,
    /// A cycle with several of these: write skew.
    G2,
}

/// How one transaction comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// It wrote what the other wrote over.
    Written,
    /// It wrote what the other read.
    Read,
    /// It read what the other wrote over.
    WrittenOver,
}

/// A transaction that comes before another.
type Edge = (usize, usize, Kind);

/// All kinds of anomalies in a history that ended with `lists`.
pub(super) fn anomalies(
    history: &[Transaction],
    lists: &BTreeMap<u64, Vec<u64>>,
) -> BTreeSet<Anomaly> {
    let mut found = BTreeSet::new();
    let mut writers: BTreeMap<u64, usize> = BTreeMap::new();
    for (number, transaction) in history.iter().enumerate() {
        for step in &transaction.steps {
            if let Step::Append(key, value) = step {
                writers.insert(*value, number);
                let is_there = lists.get(key).is_some_and(|list| list.contains(value));
                if transaction.is_committed && !is_there {
                    found.insert(Anomaly::Lost);
                }
                if !transaction.is_committed && is_there {
                    found.insert(Anomaly::G1a);
                }
            }
        }
    }
    let mut edges = BTreeSet::new();
    for list in lists.values() {
        let order: Vec<usize> =
            list.iter().filter_map(|value| writers.get(value).copied()).collect();
        edges.extend(order.windows(2).map(|pair| (pair[0], pair[1], Kind::Written)));
    }
    for (number, transaction) in history.iter().enumerate() {
        if transaction.is_committed {
            judge_reads(number, history, lists, &writers, &mut edges, &mut found);
        }
    }
    edges.retain(|(from, to, _)| from != to);
    found.extend(cycles(history.len(), &edges));
    found
}

/// Compares what a transaction read with the lists, and adds what follows from it.
fn judge_reads(
    number: usize,
    history: &[Transaction],
    lists: &BTreeMap<u64, Vec<u64>>,
    writers: &BTreeMap<u64, usize>,
    edges: &mut BTreeSet<Edge>,
    found: &mut BTreeSet<Anomaly>,
) {
    let mut own: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for step in &history[number].steps {
        let (key, read) = match step {
            Step::Append(key, value) => {
                own.entry(*key).or_default().push(*value);
                continue;
            }
            Step::Read(key, read) => (key, read),
        };
        let nothing = Vec::new();
        let (list, own) = (lists.get(key).unwrap_or(&nothing), own.get(key).unwrap_or(&nothing));
        let Some(others) = read.strip_suffix(own.as_slice()) else {
            found.insert(Anomaly::Incompatible);
            continue;
        };
        if !list.starts_with(others) {
            let is_aborted =
                |value| writers.get(value).is_none_or(|writer| !history[*writer].is_committed);
            let dirty = others.iter().any(is_aborted);
            found.insert(if dirty { Anomaly::G1a } else { Anomaly::Incompatible });
            continue;
        }
        let writer = |at: usize| list.get(at).and_then(|value| writers.get(value)).copied();
        if let Some(last) = others.len().checked_sub(1).and_then(writer) {
            edges.insert((last, number, Kind::Read));
            if last != number && writer(others.len()) == Some(last) {
                found.insert(Anomaly::G1b);
            }
        }
        if let Some(next) = writer(others.len()) {
            edges.insert((number, next, Kind::WrittenOver));
        }
    }
}

/// The kinds of cycles among `edges`.
fn cycles(transactions: usize, edges: &BTreeSet<Edge>) -> Vec<Anomaly> {
    let up_to = |most: Kind| {
        let some: Vec<Edge> = edges.iter().filter(|(.., kind)| *kind <= most).copied().collect();
        in_cycles(transactions, &some)
    };
    let mut found = Vec::new();
    if !up_to(Kind::Written).is_empty() {
        found.push(Anomaly::G0);
    }
    let read = up_to(Kind::Read);
    // A cycle of writes alone is no cycle that takes a read.
    if read.iter().any(|(.., kind)| *kind == Kind::Read) {
        found.push(Anomaly::G1c);
    }
    let all = up_to(Kind::WrittenOver);
    let over = || all.iter().filter(|(.., kind)| *kind == Kind::WrittenOver);
    if over().next().is_some() {
        let single = over().any(|(from, to, _)| leads(&all, *to, *from));
        found.push(if single { Anomaly::GSingle } else { Anomaly::G2 });
    }
    found
}

/// What is left of `edges` when those are taken away, again and again, that begin or end nowhere else: without a
/// cycle nothing.
fn in_cycles(transactions: usize, edges: &[Edge]) -> Vec<Edge> {
    let mut left = edges.to_vec();
    for is_backward in [false, true] {
        let ends = |&(from, to, _): &Edge| if is_backward { (to, from) } else { (from, to) };
        let mut leading = vec![Vec::new(); transactions];
        let mut into = vec![0_usize; transactions];
        for edge in &left {
            let (from, to) = ends(edge);
            leading[from].push(to);
            into[to] += 1;
        }
        let mut free: Vec<usize> = (0..transactions).filter(|number| into[*number] == 0).collect();
        let mut is_free = vec![false; transactions];
        while let Some(number) = free.pop() {
            is_free[number] = true;
            for &to in &leading[number] {
                into[to] -= 1;
                if into[to] == 0 {
                    free.push(to);
                }
            }
        }
        left.retain(|(from, to, _)| !is_free[*from] && !is_free[*to]);
    }
    left
}

/// Whether writes and reads of what they wrote lead from one transaction to another.
fn leads(edges: &[Edge], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut next = VecDeque::from([from]);
    while let Some(number) = next.pop_front() {
        if number == to {
            return true;
        }
        for (start, end, kind) in edges {
            if *start == number && *kind != Kind::WrittenOver && seen.insert(*end) {
                next.push_back(*end);
            }
        }
    }
    false
}

/// The anomalies of a short history: each transaction its steps, `false` before those of one that was given up.
fn found(history: &[(bool, &[Step])], lists: &[&[u64]]) -> Vec<Anomaly> {
    let history: Vec<Transaction> = history
        .iter()
        .map(|(is_committed, steps)| Transaction {
            steps: steps.to_vec(),
            is_committed: *is_committed,
        })
        .collect();
    let lists = (0..).zip(lists.iter().map(|list| list.to_vec())).collect();
    anomalies(&history, &lists).into_iter().collect()
}

#[test]
fn a_history_that_is_serial_has_no_anomaly() {
    use Step::{Append, Read};
    let history: &[(bool, &[Step])] = &[
        (true, &[Append(0, 1), Append(1, 2), Read(0, vec![1])]),
        (false, &[Append(0, 3), Read(0, vec![1, 3])]),
        (true, &[Read(0, vec![1]), Read(1, vec![2]), Append(0, 4)]),
        (true, &[Append(1, 5), Append(1, 6), Read(0, vec![1, 4]), Read(1, vec![2, 5, 6])]),
    ];
    assert_eq!(found(history, &[&[1, 4], &[2, 5, 6]]), []);
}

#[test]
fn every_anomaly_is_found_in_the_smallest_history_that_has_it() {
    use Anomaly::{G0, G1a, G1b, G1c, G2, GSingle, Incompatible, Lost};
    use Step::{Append, Read};
    let write = |first, second| [Append(0, first), Append(1, second)];
    let (one, two) = (write(1, 2), write(3, 4));
    assert_eq!(found(&[(true, &one), (true, &two)], &[&[1, 3], &[4, 2]]), [G0]);
    assert_eq!(found(&[(true, &one)], &[&[1], &[]]), [Lost]);
    assert_eq!(found(&[(false, &one)], &[&[1], &[]]), [G1a]);
    let reads = |first: &[u64], second: &[u64]| [Read(0, first.to_vec()), Read(1, second.to_vec())];
    assert_eq!(found(&[(false, &one), (true, &reads(&[1], &[]))], &[&[], &[]]), [G1a]);
    let both = [Append(0, 1), Append(0, 2)];
    let part = found(&[(true, &both), (true, &reads(&[1], &[]))], &[&[1, 2], &[]]);
    assert!(part.contains(&G1b), "{part:?}");
    let crossed = [[Append(0, 1), Read(1, vec![2])], [Append(1, 2), Read(0, vec![1])]];
    assert_eq!(found(&[(true, &crossed[0]), (true, &crossed[1])], &[&[1], &[2]]), [G1c]);
    assert_eq!(found(&[(true, &one), (true, &reads(&[1], &[]))], &[&[1], &[2]]), [GSingle]);
    let skew = [[Read(0, vec![]), Append(1, 2)], [Read(1, vec![]), Append(0, 1)]];
    assert_eq!(found(&[(true, &skew[0]), (true, &skew[1])], &[&[1], &[2]]), [G2]);
    let lost = [[Read(0, vec![]), Append(0, 1)], [Read(0, vec![]), Append(0, 2)]];
    assert_eq!(found(&[(true, &lost[0]), (true, &lost[1])], &[&[1, 2]]), [GSingle]);
    let forgot = [Append(0, 1), Read(0, vec![])];
    assert_eq!(found(&[(true, &forgot)], &[&[1]]), [Incompatible]);
    assert_eq!(
        found(&[(true, &one), (true, &two), (true, &reads(&[3, 1], &[]))], &[&[1, 3], &[2, 4]]),
        [Incompatible]
    );
}
