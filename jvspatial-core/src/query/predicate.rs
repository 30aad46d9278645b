//! A condition on the fields of a document.

use jvspatial_db::{Comparison, FieldPath, Filter};

use super::condition::Condition;
use super::element::ElementTest;
use super::field::{Place, Scope};
use crate::error::{Error, ErrorKind, Result};

/// A condition on the fields of a document, made from [`Field`](crate::Field)s and combined with
/// [`and`](Self::and), [`or`](Self::or) and [`not`](Self::not).
///
/// A condition that cannot be, such as one with a number above `i64::MAX`, keeps its first error
/// and gives it to whatever it is used in.
#[derive(Debug)]
#[must_use = "a predicate does nothing until it filters something"]
pub struct Predicate(Result<About>);

/// What a predicate speaks of.
#[derive(Debug)]
enum About {
    /// Of fields: of the document, or of an element that is a document. A filter that was given as it
    /// is fits whatever it is used in, hence no scope.
    Fields(Option<Scope>, Filter),
    /// Of an element of a list, as a value.
    Element(Scope, ElementTest),
}

impl Predicate {
    /// The condition that every document satisfies.
    pub fn all() -> Self {
        Filter::all().into()
    }

    /// A condition in MongoDB's query language, with the stored paths (`context.state`); within
    /// [`any`](crate::Field::any) with the paths in the element.
    pub fn parse(filter: &bson::Document) -> Self {
        Self(Filter::parse(filter).map(|filter| About::Fields(None, filter)).map_err(Error::from))
    }

    /// Holds when both hold.
    pub fn and(self, other: Self) -> Self {
        self.join(other, Filter::and, |a, b| a.and(&b))
    }

    /// Holds when at least one of the two holds.
    pub fn or(self, other: Self) -> Self {
        self.join(other, Filter::or, ElementTest::or)
    }

    /// Holds when this does not. A document without the field satisfies the negation of
    /// [`Field::gt`](crate::Field::gt) as much as one with a smaller value.
    #[expect(
        clippy::should_implement_trait,
        reason = "a method ends a chain better than an operator begins it; both exist"
    )]
    pub fn not(self) -> Self {
        Self(self.0.and_then(|about| {
            Ok(match about {
                About::Fields(scope, filter) => About::Fields(scope, filter.not()?),
                About::Element(scope, test) => About::Element(scope, test.not()?),
            })
        }))
    }

    /// The filter.
    ///
    /// # Errors
    /// The first error of the conditions it is made of: `Invalid`, `Unsupported` or `Limit`.
    pub fn into_filter(self) -> Result<Filter> {
        match self.0? {
            About::Fields(None | Some(Scope::DOCUMENT), filter) => Ok(filter),
            About::Fields(Some(scope), _) | About::Element(scope, _) => Err(misplaced(scope)),
        }
    }

    /// The condition that cannot be, for this reason.
    pub(super) const fn failed(error: Error) -> Self {
        Self(Err(error))
    }

    /// What the list whose elements are `scope` has to satisfy so that one of them does this.
    pub(super) fn into_element(self, scope: Scope) -> Result<Condition> {
        match self.0? {
            About::Fields(found, filter) if found.is_none_or(|found| found == scope) => {
                Ok(Condition::AnyDocument(filter))
            }
            About::Element(found, test) if found == scope => Ok(Condition::AnyValue(test)),
            About::Fields(found, _) => Err(misplaced(found.unwrap_or(Scope::DOCUMENT))),
            About::Element(found, _) => Err(misplaced(found)),
        }
    }

    /// The document is of the entity type called `name`.
    pub(super) fn is_entity(name: &str) -> Self {
        let scope = Scope::DOCUMENT;
        let name = bson::Bson::String(name.to_owned());
        Self::at(Place { path: "entity", scope }, Ok(Condition::Compare(Comparison::Eq, name)))
    }

    /// The condition on what is at `place`.
    pub(super) fn at(place: Place, condition: Result<Condition>) -> Self {
        let about = condition.and_then(|condition| {
            if place.is_element() {
                return Ok(About::Element(place.scope, condition.of_element()?));
            }
            let path = FieldPath::parse(place.relative())?;
            Ok(About::Fields(Some(place.scope), condition.of_field(path)?))
        });
        Self(about.map_err(|error| {
            jvspatial_db::Error::new(error.kind(), "field cannot be compared with this")
                .with("field", place.path)
                .with_source(error)
                .into()
        }))
    }

    fn join(
        self,
        other: Self,
        filters: impl FnOnce(Filter, Filter) -> jvspatial_db::Result<Filter>,
        tests: impl FnOnce(ElementTest, ElementTest) -> Result<ElementTest>,
    ) -> Self {
        let joined = || match (self.0?, other.0?) {
            (About::Fields(a, left), About::Fields(b, right)) => {
                let scope = match (a, b) {
                    (Some(a), Some(b)) if a != b => return Err(apart(a, b)),
                    (a, b) => a.or(b),
                };
                Ok(About::Fields(scope, filters(left, right)?))
            }
            (About::Element(a, left), About::Element(b, right)) if a == b => {
                Ok(About::Element(a, tests(left, right)?))
            }
            (About::Element(a, _), About::Element(b, _)) => Err(apart(a, b)),
            (About::Element(a, _), About::Fields(b, _))
            | (About::Fields(b, _), About::Element(a, _)) => match b {
                Some(b) if a != b => Err(apart(a, b)),
                _ => Err(Error::new(
                    ErrorKind::Invalid,
                    "condition asks an element as a whole and its fields at once",
                )
                .with("list", a.path)),
            },
        };
        Self(joined())
    }
}

fn misplaced(scope: Scope) -> Error {
    Error::new(ErrorKind::Invalid, "condition is on something else than what it is used in")
        .with("condition on", named(scope))
}

fn apart(a: Scope, b: Scope) -> Error {
    Error::new(ErrorKind::Invalid, "conditions on different things cannot be joined")
        .with("first on", named(a))
        .with("second on", named(b))
}

/// What a scope is called in messages.
fn named(scope: Scope) -> String {
    match scope.path {
        "" => "the document".to_owned(),
        path => format!("an element of {path}"),
    }
}

impl From<Filter> for Predicate {
    fn from(filter: Filter) -> Self {
        Self(Ok(About::Fields(None, filter)))
    }
}

impl std::ops::Not for Predicate {
    type Output = Self;

    fn not(self) -> Self {
        self.not()
    }
}
