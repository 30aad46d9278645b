//! A mix of operations, the same for every engine.

use crate::data::Random;

const SEED: u64 = 0x6d69_7865_6400_0001;

/// One operation on the city of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The next city that was never created before.
    Create(usize),
    /// Reads a city that exists, typed.
    Get(usize),
    /// Adds one to the population of a city that exists, if its version is still the expected one.
    Save(usize),
    /// Deletes a city that exists.
    Delete(usize),
}

/// What a letter of [`PATTERN`] stands for, applied to a number.
type Make = fn(usize) -> Operation;

/// Four creates, three gets, two saves and one delete; a city exists before one is needed.
const PATTERN: [Make; 10] = [
    Operation::Create,
    Operation::Create,
    Operation::Get,
    Operation::Create,
    Operation::Save,
    Operation::Get,
    Operation::Create,
    Operation::Get,
    Operation::Save,
    Operation::Delete,
];

/// Operations in a fixed order: of each ten, four create, three get, two save and one deletes.
pub(crate) fn operations(count: usize) -> Vec<Operation> {
    let mut random = Random::new(SEED);
    let mut living = Vec::new();
    let mut created = 0;
    let mut operations = Vec::with_capacity(count);
    for make in PATTERN.into_iter().cycle().take(count) {
        let place = random.below(living.len() as u64) as usize;
        let operation = match make(0) {
            Operation::Create(_) => {
                living.push(created);
                created += 1;
                make(created - 1)
            }
            Operation::Delete(_) => make(living.swap_remove(place)),
            Operation::Get(_) | Operation::Save(_) => make(living[place]),
        };
        operations.push(operation);
    }
    operations
}

/// How many cities the operations create.
pub(crate) fn creates(operations: &[Operation]) -> usize {
    operations.iter().filter(|operation| matches!(operation, Operation::Create(_))).count()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ten_thousand_operations_have_the_agreed_shares() {
        let operations = operations(10_000);
        let count =
            |wanted: fn(&Operation) -> bool| operations.iter().filter(|o| wanted(o)).count();
        assert_eq!(creates(&operations), 4_000);
        assert_eq!(count(|operation| matches!(operation, Operation::Get(_))), 3_000);
        assert_eq!(count(|operation| matches!(operation, Operation::Save(_))), 2_000);
        assert_eq!(count(|operation| matches!(operation, Operation::Delete(_))), 1_000);
    }

    #[test]
    fn only_cities_that_exist_are_touched_and_each_is_created_once_in_order() {
        let (mut living, mut created) = (HashSet::new(), 0);
        for operation in operations(1_000) {
            match operation {
                Operation::Create(number) => {
                    assert_eq!(number, created);
                    created += 1;
                    living.insert(number);
                }
                Operation::Get(number) | Operation::Save(number) => {
                    assert!(living.contains(&number), "{operation:?}");
                }
                Operation::Delete(number) => assert!(living.remove(&number), "{operation:?}"),
            }
        }
    }
}
