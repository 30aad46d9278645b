use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Country {}

#[derive(Serialize, Deserialize, Edge)]
struct Near {}

#[derive(Serialize, Deserialize, Edge)]
#[edge(from = City)]
struct Leaves {}

#[derive(Serialize, Deserialize, Edge)]
#[edge(to = self::City)]
struct Reaches {}

#[derive(Serialize, Deserialize, Edge)]
#[edge(from = City, to = Country)]
struct CapitalOf {}

fn names<E: Edge>() -> [Option<&'static str>; 2] {
    [E::FROM, E::TO]
}

fn joins<A: Node, B: Node, E: Connects<A, B>>() {}

#[test]
fn is_accepted() {
    joins::<City, Country, Near>();
    joins::<Country, City, Near>();
    joins::<City, Country, Leaves>();
    joins::<City, City, Leaves>();
    joins::<Country, City, Reaches>();
    joins::<City, Country, CapitalOf>();
    assert_eq!(names::<Near>(), [None, None]);
    assert_eq!(names::<Leaves>(), [Some("City"), None]);
    assert_eq!(names::<Reaches>(), [None, Some("City")]);
    assert_eq!(names::<CapitalOf>(), [Some("City"), Some("Country")]);
}
