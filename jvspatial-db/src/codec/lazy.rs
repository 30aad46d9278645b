//! Values of a stored body that stay as they are until somebody looks at them.

use std::borrow::Cow;

use ::bson::raw::RawBsonRef;
use ::bson::{Bson, RawDocument};

use super::fault::Fault;
use super::pick::{Members, broken};
use super::scalar::Scalar;
use super::scan::unescape;
use super::{Encoding, text};
use crate::Result;

/// A value of a body that nobody has decoded yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw<'a> {
    /// The text of a value in Extended JSON.
    Json(&'a [u8]),
    /// A value in raw BSON.
    Bson(RawBsonRef<'a>),
}

/// What a raw value turned out to be.
#[derive(Clone, Debug)]
pub(crate) enum Picked<'a> {
    Scalar(Scalar<'a>),
    /// A document, still raw.
    Document(Raw<'a>),
    /// Anything else.
    Value(Bson),
}

/// Shows the members of a body's root that are called by one of `names`, with the place of the name, until
/// `found` says to stop.
///
/// Of a body that is not of its encoding any members may be shown.
///
/// # Errors
/// `Corrupt` when the body ends too early.
pub(crate) fn members<'a, 'n>(
    body: Raw<'a>,
    names: &[&'n str],
    mut found: impl FnMut(usize, Raw<'a>) -> bool,
) -> Result<()> {
    match body {
        Raw::Json(text) => json_members(text, names, &mut found).ok_or_else(broken),
        Raw::Bson(RawBsonRef::Document(document)) => {
            for member in document {
                let (name, value) = member.map_err(|_| broken())?;
                if !places(names, name.as_str().as_bytes()).all(|at| found(at, Raw::Bson(value))) {
                    break;
                }
            }
            Ok(())
        }
        Raw::Bson(_) => Err(broken()),
    }
}

fn places(names: &[&str], name: &[u8]) -> impl Iterator<Item = usize> {
    let is_it = move |(_, wanted): &(usize, &&str)| wanted.as_bytes() == name;
    names.iter().enumerate().filter(is_it).map(|(at, _)| at)
}

fn json_members<'a>(
    text: &'a [u8],
    names: &[&str],
    found: &mut impl FnMut(usize, Raw<'a>) -> bool,
) -> Option<()> {
    let mut members = Members::of(text)?;
    while let Some((name, value)) = members.next()? {
        let goes_on = if name.contains(&b'\\') {
            let name = unescape(std::str::from_utf8(name).ok()?).ok()?;
            places(names, name.as_bytes()).all(|at| found(at, Raw::Json(value)))
        } else {
            places(names, name).all(|at| found(at, Raw::Json(value)))
        };
        if !goes_on {
            break;
        }
    }
    Some(())
}

impl<'a> Raw<'a> {
    /// The root of a body.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not of this encoding.
    pub(crate) fn root(encoding: Encoding, body: &'a [u8]) -> Result<Self> {
        match encoding {
            Encoding::Json => Ok(Self::Json(body)),
            Encoding::Bson => {
                super::raw::check_depth(body).map_err(Fault::into_error)?;
                let document = RawDocument::from_bytes(body).map_err(|_| broken())?;
                Ok(Self::Bson(RawBsonRef::Document(document)))
            }
        }
    }

    /// Looks at the value; documents stay raw.
    ///
    /// # Errors
    /// `Corrupt` when the value is not of its encoding, `Limit` when it is too deep.
    pub(crate) fn pick(self) -> Result<Picked<'a>> {
        if let Some(scalar) = self.scalar() {
            return Ok(Picked::Scalar(scalar));
        }
        match self {
            Self::Json([b'{', rest @ ..]) if !rest.starts_with(b"\"$") => {
                Ok(Picked::Document(self))
            }
            Self::Bson(RawBsonRef::Document(_)) => Ok(Picked::Document(self)),
            _ => self.to_bson().map(Picked::Value),
        }
    }

    /// A text or a number, quickly; `None` for anything else.
    #[inline]
    pub(crate) fn scalar(self) -> Option<Scalar<'a>> {
        match self {
            Self::Json(text) => Scalar::of_json(text),
            Self::Bson(RawBsonRef::String(text)) => {
                Some(Scalar::Text(Cow::Borrowed(text.as_bytes())))
            }
            Self::Bson(RawBsonRef::Int32(integer)) => Some(Scalar::Integer(i64::from(integer))),
            Self::Bson(RawBsonRef::Int64(integer)) => Some(Scalar::Integer(integer)),
            Self::Bson(RawBsonRef::Double(double)) => Some(Scalar::Double(double)),
            Self::Bson(_) => None,
        }
    }

    /// The whole value.
    ///
    /// # Errors
    /// As [`pick`](Self::pick).
    pub(crate) fn to_bson(self) -> Result<Bson> {
        match self {
            Self::Json(text) => {
                text::read_stored_value(text).map_err(|fault| fault.into_reason_of(broken()))
            }
            Self::Bson(value) => Bson::try_from(value).map_err(|_| broken()),
        }
    }
}
