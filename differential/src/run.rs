//! A run: rounds of questions until there were enough, and a summary.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::Options;
use crate::compare::Table;
use crate::kinds::{self, Kind};
use crate::oracle::{Oracle, Reply};
use crate::ours::Ours;
use crate::round::{self, QUESTIONS};
use crate::{report, shrink};

/// How many differences are shrunk and printed; the others are counted.
const SHOWN: usize = 5;

/// Asks until there were enough questions or enough differences; whether there were none.
///
/// `scratch` is another collection, for the shrinking of differences.
pub(crate) async fn run(
    options: &Options,
    oracle: &dyn Oracle,
    scratch: &dyn Oracle,
) -> Reply<bool> {
    let kinds = choose(&options.kind)?;
    let seed = options.seed.unwrap_or_else(rand_seed);
    let begun = Instant::now();
    let enough = options.time.map(Duration::from_secs);
    let table = Table { ours: Ours::open(oracle).await?, oracle };
    let (mut asked, mut differing, mut shown) = (0_u64, 0_usize, Vec::new());
    let mut known = BTreeMap::new();
    for number in 0.. {
        let is_late = enough.is_some_and(|enough| begun.elapsed() >= enough);
        if asked >= options.cases || is_late || shown.len() >= SHOWN {
            break;
        }
        let most = usize::try_from(options.cases - asked).unwrap_or(QUESTIONS);
        let seed = seed.wrapping_add(number);
        let round = round::run(&table, &kinds, seed, most).await?;
        asked += round.asked as u64;
        differing += round.differing.len();
        round.known.iter().for_each(|reason| *known.entry(*reason).or_insert(0_u64) += 1);
        for (kind, question) in round.differing {
            if shown.len() >= SHOWN {
                break;
            }
            let (kind, _) = &kinds[kind];
            let table = Table { ours: Ours::open(scratch).await?, oracle: scratch };
            let world = round.world.clone();
            let text = match shrink::smallest(&table, &**kind, world, question).await? {
                Some(smallest) => report::difference(kind.name(), &smallest),
                None => format!("difference in {}, gone when asked again\n", kind.name()),
            };
            if !shown.contains(&text) {
                println!("{text}  seed       {seed}");
                shown.push(text);
            }
        }
    }
    for (reason, count) in &known {
        println!("{count} known differences: {reason}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "differential: {asked} cases, {differing} differences, seed {seed}, {:.0} cases/s",
        asked as f64 / seconds.max(0.001)
    );
    Ok(differing == 0)
}

/// The kinds that are wished for; a wish that none fulfils must not pass for agreement.
fn choose(wishes: &[String]) -> Reply<Vec<(Box<dyn Kind>, usize)>> {
    let all = kinds::all();
    let names: Vec<_> = all.iter().map(|(kind, _)| kind.name()).collect();
    if let Some(wish) = wishes.iter().find(|wish| !names.contains(&wish.as_str())) {
        return Err(format!("no kind is called {wish:?}, only {}", names.join(", ")).into());
    }
    let is_wished_for = |(kind, _): &(Box<dyn Kind>, usize)| {
        wishes.is_empty() || wishes.iter().any(|wish| wish == kind.name())
    };
    Ok(all.into_iter().filter(is_wished_for).collect())
}

/// A seed that differs from run to run.
fn rand_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Short enough to be typed.
    RandomState::new().hash_one(0) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_does_not_exist_is_an_error_that_names_those_that_do() {
        let error = choose(&["fnid".to_owned()]).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("fnid") && error.contains("find"), "{error}");
        assert_eq!(choose(&["find".to_owned()]).map(|kinds| kinds.len()).unwrap_or(0), 1);
    }
}
