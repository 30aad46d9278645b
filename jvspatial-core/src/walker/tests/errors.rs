use super::support::*;
use crate::walker::Control;
use crate::{Entity, Error, ErrorKind};

#[tokio::test]
async fn a_hooks_error_names_walker_hook_node_and_depth() {
    let world = World::line(4).await;
    let probe = Probe::new(|town, walk| {
        walk.follow(roads());
        if town.number == 2 {
            return Err(Error::application("no bridge"));
        }
        Ok(Control::Continue)
    });
    let error = world.walk(probe).run().await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "walker Probe, hook town, at n.Town.2 (depth 2): application code failed: no bridge"
    );
    let place = error.place().unwrap();
    assert_eq!((place.walker, place.hook), ("Probe", Some("town")));
    assert_eq!((place.at.as_ref(), place.depth), (Some(&town(2)), 2));
}

#[tokio::test]
async fn an_error_of_this_library_keeps_its_kind_through_a_hook() {
    let world = World::line(1).await;
    let probe = Probe::new(|_, _| Err(Error::new(ErrorKind::NotFound, "no such town")));
    let error = world.walk(probe).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn hooks_return_nothing_a_control_or_a_result_with_any_error() {
    use crate::walker::hook::{IntoHookResult, guard_sync};
    fn control(result: impl IntoHookResult) -> Control {
        guard_sync(|| result).unwrap()
    }
    fn kind(result: impl IntoHookResult) -> ErrorKind {
        result.into_hook_result().unwrap_err().kind()
    }
    assert_eq!(control(()), Control::Continue);
    assert_eq!(control(Control::Skip), Control::Skip);
    assert_eq!(control(Ok::<(), Error>(())), Control::Continue);
    assert_eq!(control(Ok::<_, String>(Control::Pause)), Control::Pause);
    assert_eq!(kind(Err::<(), _>("text")), ErrorKind::Application);
    assert_eq!(kind(Err::<(), _>(std::io::Error::other("x"))), ErrorKind::Application);
    assert_eq!(kind(Err::<(), _>(jvspatial_db::Error::limit("x"))), ErrorKind::Limit);
    let boxed: Box<dyn std::error::Error + Send + Sync> =
        Error::new(ErrorKind::Conflict, "x").into();
    assert_eq!(kind(Err::<Control, _>(boxed)), ErrorKind::Conflict);
}

#[tokio::test]
async fn an_error_drops_the_saves_not_written_and_counts_them() {
    let world = World::star(8).await;
    let probe = Probe::new(|town, walk| {
        walk.follow(roads());
        walk.save(town);
        if town.number == 6 {
            return Err(Error::application("no bridge"));
        }
        Ok(Control::Continue)
    });
    let walk = world.walk(probe).chunk_size(3).batch_size(3);
    let error = walk.run().await.err().unwrap();
    assert_eq!(error.context("writes made"), Some("3"));
    assert_eq!(error.context("writes dropped"), Some("4"));
    assert_eq!(world.get(2).await.version().get(), 2);
    assert_eq!(world.get(3).await.version().get(), 1);
}

#[tokio::test]
async fn a_node_that_does_not_fit_its_type_is_named() {
    let world = World::line(1).await;
    let id = jvspatial_db::Id::with_key(jvspatial_db::Collection::Node, Town::entity_name(), "bad");
    let id = id.unwrap();
    let mut batch = world.batch();
    batch.insert(id.clone(), &Island {}).unwrap();
    world.write(batch).await;
    let error = world.walk(Probe::roads()).from(&id).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context("id"), Some("n.Town.bad"));
    let place = error.place().unwrap();
    assert_eq!((place.hook, place.at.as_ref()), (None, Some(&id)));
}

#[tokio::test]
async fn an_error_of_an_exit_hook_names_it() {
    let world = World::line(2).await;
    let mut probe = Probe::roads();
    probe.farewell = Some(Box::new(|_| Err(Error::application("too late"))));
    let error = world.walk(probe).run().await.err().unwrap();
    assert_eq!(error.to_string(), "walker Probe, hook farewell: application code failed: too late");
}

#[tokio::test]
async fn a_start_that_does_not_exist_is_an_error_unless_another_does() {
    let world = World::line(2).await;
    world.remove(0).await;
    let error = world.walk(Probe::roads()).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "walker Probe: start node does not exist (id: n.Town.0)");
    let outcome = run(world.walk(Probe::roads()).from(town(1))).await;
    assert_eq!((outcome.stats.visited, outcome.stats.missing), (1, 1));
}

#[tokio::test]
async fn a_walk_starts_at_the_root_and_never_at_an_object() {
    let world = World::line(1).await;
    let outcome = run(world.graph().walk(Probe::roads())).await;
    assert_eq!((outcome.walker.towns, outcome.walker.anys), (0, 1));

    let object: jvspatial_db::Id = "o.Note.1".parse().unwrap();
    let error = world.walk(Probe::roads()).from(object).run().await.err().unwrap();
    assert_eq!(error.to_string(), "a walk visits nodes and edges (id: o.Note.1)");
}

#[tokio::test]
async fn a_database_that_goes_away_ends_the_walk_with_its_error() {
    use jvspatial_db::Database;
    let world = World::line(3).await;
    let paused = run(world.walk(Probe::stops(1, Control::Pause))).await;
    world.database.close().await.unwrap();
    let error = paused.resume().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(error.place().unwrap().walker, "Probe");
}

#[tokio::test]
async fn an_expansion_that_cannot_be_ends_the_walk_at_its_node() {
    let world = World::line(2).await;
    let probe = Probe::new(|_, walk| {
        walk.follow(roads().filter_doc(&jvspatial_db::doc! { "context.km": { "$where": "1" } }));
        Ok(Control::Continue)
    });
    let error = world.walk(probe).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.place().unwrap().at, Some(town(0)));
    assert!(error.to_string().contains("$where"), "{error}");
}
