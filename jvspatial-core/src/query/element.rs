//! What is asked of a single value in a list.

use jvspatial_db::{Bson, Comparison, FieldPath, Filter};

use crate::error::{Error, ErrorKind, Result};

/// How many alternatives a test may have.
const MAX_ALTERNATIVES: usize = 64;

/// A test of one value in a list: several sets of operators, of which one has to hold as a whole.
///
/// MongoDB's language has no `$or` for such a value. But that one element passes one of several tests
/// is to say that for one of the tests an element passes, so alternatives are asked one by one.
#[derive(Clone, Debug)]
pub(super) struct ElementTest(Vec<bson::Document>);

impl ElementTest {
    /// The test that no value passes.
    pub(super) const fn never() -> Self {
        Self(Vec::new())
    }

    pub(super) fn operator(name: &str, operand: impl Into<Bson>) -> Self {
        let mut operators = bson::Document::new();
        operators.insert(name, operand);
        Self(vec![operators])
    }

    /// # Errors
    /// `Unsupported` for a regular expression, which would search and not compare.
    pub(super) fn equal(value: Bson) -> Result<Self> {
        Ok(Self::operator("$eq", literal(value)?))
    }

    /// # Errors
    /// As [`equal`](Self::equal).
    pub(super) fn order(comparison: Comparison, value: Bson) -> Result<Self> {
        Ok(Self::operator(comparison.operator(), literal(value)?))
    }

    /// # Errors
    /// As [`equal`](Self::equal).
    pub(super) fn one_of(values: Vec<Bson>) -> Result<Self> {
        let values = values.into_iter().map(literal).collect::<Result<Vec<_>>>()?;
        Ok(Self::operator("$in", values))
    }

    /// The test that a list passes which holds all of `values`.
    ///
    /// # Errors
    /// As [`equal`](Self::equal).
    pub(super) fn holds_all(values: Vec<Bson>) -> Result<Self> {
        if values.is_empty() {
            return Ok(Self::never());
        }
        let held = values
            .into_iter()
            .map(|value| Ok(bson::doc! { "$elemMatch": { "$eq": literal(value)? } }.into()))
            .collect::<Result<Vec<Bson>>>()?;
        Ok(Self::operator("$all", held))
    }

    /// # Errors
    /// `Invalid` for a NUL in the pattern.
    pub(super) fn matches(pattern: &str, options: &str) -> Result<Self> {
        let text = |text: &str| {
            bson::raw::CString::try_from(text.to_owned()).map_err(|error| {
                jvspatial_db::Error::new(ErrorKind::Invalid, "text is no regular expression")
                    .with_source(error)
            })
        };
        let regex = bson::Regex { pattern: text(pattern)?, options: text(options)? };
        Ok(Self::operator("$regex", regex))
    }

    /// Holds when both hold.
    ///
    /// # Errors
    /// `Invalid` when the same is asked twice; `Limit` for too many alternatives.
    pub(super) fn and(&self, other: &Self) -> Result<Self> {
        let mut alternatives = Vec::new();
        for a in &self.0 {
            for b in &other.0 {
                check_alternatives(alternatives.len() + 1)?;
                alternatives.push(merged(a.clone(), b)?);
            }
        }
        Ok(Self(alternatives))
    }

    /// Holds when at least one of the two holds.
    ///
    /// # Errors
    /// `Limit` for too many alternatives.
    pub(super) fn or(mut self, other: Self) -> Result<Self> {
        self.0.extend(other.0);
        check_alternatives(self.0.len())?;
        Ok(self)
    }

    /// Holds when this does not.
    ///
    /// # Errors
    /// As [`and`](Self::and).
    pub(super) fn not(self) -> Result<Self> {
        let mut negated = Self(vec![bson::Document::new()]);
        for operators in self.0 {
            let mut either = Self::never();
            for (name, operand) in operators {
                either = either.or(not_operator(name, operand))?;
            }
            negated = negated.and(&either)?;
        }
        Ok(negated)
    }

    /// The filter that an element of the list at `path` passes.
    ///
    /// # Errors
    /// `Invalid`, `Unsupported` or `Limit` for what a filter refuses.
    pub(super) fn any_at(self, path: &FieldPath) -> Result<Filter> {
        let alternatives = self.0.into_iter().map(|operators| {
            let mut filter = bson::Document::new();
            filter.insert(path.as_str(), bson::doc! { "$elemMatch": operators });
            Filter::parse(&filter)
        });
        Ok(Filter::any(alternatives.collect::<jvspatial_db::Result<Vec<_>>>()?)?)
    }

    /// The test that an element of the value, itself a list, passes.
    pub(super) fn any_within(self) -> Self {
        let within = |operators| bson::doc! { "$elemMatch": operators };
        Self(self.0.into_iter().map(within).collect())
    }
}

fn check_alternatives(count: usize) -> Result<()> {
    if count > MAX_ALTERNATIVES {
        return Err(Error::new(
            ErrorKind::Limit,
            "condition on an element has too many alternatives",
        )
        .with("limit", MAX_ALTERNATIVES));
    }
    Ok(())
}

fn literal(value: Bson) -> Result<Bson> {
    match value {
        Bson::RegularExpression(_) => Err(Error::new(
            ErrorKind::Unsupported,
            "an element cannot be compared with a regular expression",
        )),
        value => Ok(value),
    }
}

/// Both sets of operators as one.
fn merged(mut operators: bson::Document, others: &bson::Document) -> Result<bson::Document> {
    for (name, operand) in others {
        match (operators.get_mut(name), operand) {
            (None, operand) => {
                operators.insert(name, operand);
            }
            (Some(present), operand) if present == operand => {}
            (Some(Bson::Array(present)), Bson::Array(more)) if name == "$nin" => {
                present.extend_from_slice(more);
            }
            (Some(_), operand) if name == "$regex" => {
                match operators.get_mut("$all") {
                    Some(Bson::Array(all)) => all.push(operand.clone()),
                    _ => {
                        operators.insert("$all", vec![operand.clone()]);
                    }
                };
            }
            (Some(_), _) => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "an element cannot be asked twice with the same operator",
                )
                .with("operator", name));
            }
        }
    }
    Ok(operators)
}

/// What holds of a value when this operator does not.
fn not_operator(name: String, operand: Bson) -> ElementTest {
    match (name.as_str(), operand) {
        ("$eq" | "$regex", value) => ElementTest::operator("$nin", vec![value]),
        ("$in", values) => ElementTest::operator("$nin", values),
        ("$nin", Bson::Array(values)) => match <[Bson; 1]>::try_from(values) {
            Ok([regex @ Bson::RegularExpression(_)]) => ElementTest::operator("$regex", regex),
            Ok([value]) => ElementTest::operator("$eq", value),
            Err(values) => ElementTest::operator("$in", values),
        },
        ("$all", Bson::Array(all)) => {
            let not = |one| match one {
                Bson::Document(operators) => bson::doc! { "$not": operators },
                regex => bson::doc! { "$nin": [regex] },
            };
            ElementTest(all.into_iter().map(not).collect())
        }
        ("$not", Bson::Document(operators)) => ElementTest(vec![operators]),
        (_, operand) => {
            let mut operators = bson::Document::new();
            operators.insert(name, operand);
            ElementTest::operator("$not", operators)
        }
    }
}
