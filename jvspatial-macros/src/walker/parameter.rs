//! What a parameter of a hook asks for.

use syn::{GenericArgument, PathArguments, PathSegment, Type, TypePath};

/// What a hook is given for one of its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parameter<'a> {
    Here(HereParameter<'a>),
    /// The walk of a walker of this type.
    Walk(&'a Type),
    /// How the walk ended.
    Ended {
        is_reference: bool,
    },
    /// A reference to a type that is none of the library's.
    Other(OtherParameter<'a>),
}

/// What is visited, as a hook takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HereParameter<'a> {
    pub(crate) form: Form<'a>,
    pub(crate) mutable: bool,
}

/// The type as which a hook takes what is visited; it selects what the hook runs for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'a> {
    /// `Stored<T>`: nodes or edges of the type `T`.
    Typed(&'a Type),
    /// `AnyNode`: every node.
    Node,
    /// `AnyEdge`: every edge.
    Edge,
    /// `Here`: all that is visited.
    All,
}

/// A reference to a type of the application.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OtherParameter<'a> {
    pub(crate) path: &'a TypePath,
    pub(crate) mutable: bool,
}

impl<'a> Parameter<'a> {
    /// The parameter that a hook declares with type `ty`; `None` when no hook is given such a
    /// thing.
    ///
    /// Types are known by the last segment of their path, however the application imports them.
    pub(crate) fn of(ty: &'a Type) -> Option<Self> {
        let (path, reference) = match ungroup(ty) {
            Type::Path(path) => (path, None),
            Type::Reference(reference) => match ungroup(&reference.elem) {
                Type::Path(path) => (path, Some(reference.mutability.is_some())),
                _ => return None,
            },
            _ => return None,
        };
        let segment = path.path.segments.last()?;
        let here = |form, mutable| Some(Self::Here(HereParameter { form, mutable }));
        let known = (segment.ident.to_string(), only_argument(segment));
        match (known.0.as_str(), known.1, reference) {
            ("Ended", None, None) => Some(Self::Ended { is_reference: false }),
            ("Ended", None, Some(false)) => Some(Self::Ended { is_reference: true }),
            (_, _, None) => None,
            ("Stored", Some(ty), Some(mutable)) => here(Form::Typed(ty), mutable),
            ("AnyNode", None, Some(mutable)) => here(Form::Node, mutable),
            ("AnyEdge", None, Some(mutable)) => here(Form::Edge, mutable),
            ("Here", None, Some(false)) => here(Form::All, false),
            ("Walk", Some(ty), Some(_)) => Some(Self::Walk(ty)),
            ("Ended" | "Stored" | "AnyNode" | "AnyEdge" | "Here" | "Walk", ..) => None,
            (_, _, Some(mutable)) => Some(Self::Other(OtherParameter { path, mutable })),
        }
    }
}

/// The `T` in `Stored<T>`.
fn only_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(ty) if arguments.args.len() == 1 => Some(ty),
        _ => None,
    }
}

/// The type inside parentheses and the invisible groups that declarative macros leave behind.
pub(crate) fn ungroup(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        };
    }
}
