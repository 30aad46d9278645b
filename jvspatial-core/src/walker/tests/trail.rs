use super::support::*;
use crate::walker::Control;

#[tokio::test]
async fn a_trail_knows_edge_parent_and_depth_of_each_visit() {
    let world = World::new(4, &[(0, 1), (0, 2), (2, 3)]).await;
    let probe = Probe::new(|town, walk| {
        assert_eq!(walk.trail().last().unwrap().entity, *town.id());
        assert_eq!(walk.trail().len() as u64, walk.step());
        walk.follow(roads());
        Ok(Control::Continue)
    });
    let trail = run(world.walk(probe).trail(10)).await.trail;
    let steps: Vec<_> = trail.steps().collect();
    assert!(steps.iter().map(|step| step.sequence).eq(1..=4));
    assert!(steps.iter().map(|step| step.parent).eq([None, Some(1), Some(1), Some(3)]));
    assert!(steps.iter().map(|step| step.depth).eq([0, 1, 1, 2]));
    assert!(steps[0].edge.is_none());
    assert!(steps[1..].iter().all(|step| step.edge.as_ref().unwrap().entity() == "Road"));
    assert!(steps.is_sorted_by_key(|step| step.at));
    assert!(world.calls().with_edges);

    let path = trail.path_to_start(4).unwrap();
    let path: Vec<_> = path.iter().map(|step| step.entity.clone()).collect();
    assert_eq!(path, [town(3), town(2), town(0)]);
    assert!(trail.contains(&town(1)) && !trail.contains(&town(7)));
    assert!(trail.get(0).is_none() && trail.get(5).is_none());
}

#[tokio::test]
async fn a_trail_keeps_the_last_visits_and_counts_the_others() {
    let world = World::line(6).await;
    let trail = run(world.walk(Probe::roads()).trail(2)).await.trail;
    assert!(trail.steps().map(|step| step.sequence).eq([5, 6]));
    assert_eq!((trail.len(), trail.capacity(), trail.forgotten()), (2, 2, 4));
    assert!(trail.path_to_start(6).is_none(), "the way to the start is forgotten");
    assert!(trail.get(4).is_none());
}

#[tokio::test]
async fn without_a_trail_there_is_none() {
    let world = World::line(3).await;
    let outcome = run(world.walk(Probe::roads())).await;
    assert!(outcome.trail.is_empty() && outcome.trail.path_to_start(1).is_none());
}
