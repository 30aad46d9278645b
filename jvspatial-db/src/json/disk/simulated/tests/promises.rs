//! The simulated disk as a judge: right programs pass, and each forgotten sync is found.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;

/// Replaces a file as a store replaces its manifest, with two files made durable before.
fn swap_manifest(disk: &SimulatedDisk) -> io::Result<()> {
    let tmp = disk.open_append("MANIFEST.tmp", OpenMode::CreateNew)?;
    tmp.append(b"new")?;
    tmp.sync_data()?;
    disk.rename("MANIFEST.tmp", "MANIFEST")?;
    disk.sync_dir(ROOT)
}

/// Whether some power cut breaks the promise: the old or the new one at any time, and the new one
/// once the swap is acknowledged.
fn swap_can_break(forget: Option<u64>) -> bool {
    let (disk, _old) = with_durable("MANIFEST", b"old");
    if let Some(nth) = forget {
        disk.fail(Fault::ignored(None).nth(nth));
    }
    let found = Arc::new(Mutex::new(BTreeSet::new()));
    let sink = Arc::clone(&found);
    disk.observe(move |disk, _| sink.lock().unwrap().extend(outcomes(disk, "MANIFEST")));
    swap_manifest(&disk).unwrap();
    let always = found.lock().unwrap().is_subset(&some([b"old", b"new"]));
    let at_last = outcomes(&disk, "MANIFEST") == some([b"new"]);
    !(always && at_last)
}

#[test]
fn a_manifest_swap_holds_and_each_of_its_syncs_is_needed() {
    assert!(!swap_can_break(None));
    assert!(swap_can_break(Some(1)), "without the sync of the file");
    assert!(swap_can_break(Some(2)), "without the sync of the directory");
    assert!(!swap_can_break(Some(3)), "there is no third");
}

/// Numbers that differ enough for a script.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// What a script may count on, kept by rules simpler than the disk's own.
#[derive(Default)]
struct Ledger {
    /// The bytes of each file at its last sync that nothing has cast doubt on.
    synced: BTreeMap<String, Vec<u8>>,
    /// The files whose names are durable.
    named: BTreeSet<String>,
    /// The files that a failed sync has touched.
    doubtful: BTreeSet<String>,
}

impl Ledger {
    fn check(&self, state: &SimulatedDisk, seed: u64) {
        for path in &self.named {
            let found = state.bytes(path);
            let synced = self.synced.get(path).map_or(&[][..], Vec::as_slice);
            assert!(
                found.as_ref().is_some_and(|found| found.starts_with(synced)),
                "seed {seed}: {path} is {found:?}, synced {synced:?}"
            );
        }
    }
}

#[test]
fn no_script_loses_what_it_has_synced() {
    for seed in 0..60 {
        let (disk, mut dice, mut ledger) = (SimulatedDisk::new(), Dice(seed), Ledger::default());
        let mut files: BTreeMap<String, Arc<dyn DiskFile>> = BTreeMap::new();
        for step in 0..60_u8 {
            let path = format!("f{}", dice.roll(3));
            let failing = dice.roll(10) == 0;
            if failing {
                disk.fail(Fault::broken(None));
            }
            match (dice.roll(8), files.get(&path)) {
                (0..=2, Some(file)) => {
                    let length = usize::try_from(dice.roll(700)).unwrap();
                    let _ = file.append(&vec![step.max(1); length]);
                }
                (3 | 4, Some(file)) => {
                    if file.sync_data().is_err() {
                        ledger.doubtful.insert(path);
                    } else if !ledger.doubtful.contains(&path) {
                        ledger.synced.insert(path.clone(), disk.bytes(&path).unwrap());
                    }
                }
                (5, Some(_)) if disk.remove(&path).is_ok() => {
                    ledger.named.remove(&path);
                    ledger.synced.remove(&path);
                    files.remove(&path);
                }
                (6, Some(_)) if disk.sync_dir(ROOT).is_ok() => {
                    // A name that a failed sync covered stays in doubt, so only clean runs count.
                    let clean = disk.ops().iter().all(|op| op.ok || op.kind != OpKind::SyncDir);
                    ledger.named.extend(files.keys().filter(|_| clean).cloned());
                }
                (_, None) => {
                    if let Ok(file) = disk.open_append(&path, OpenMode::CreateNew) {
                        ledger.doubtful.remove(&path);
                        files.insert(path, file);
                    }
                }
                _ => {}
            }
            disk.heal();
            for state in disk.crash_states(seed, 20) {
                ledger.check(&state, seed);
            }
            ledger.check(&disk.kill_state(), seed);
        }
    }
}
