//! What a parameter of a hook asks for.

use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// What a hook is given for one of its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parameter<'a> {
    Node(NodeParameter<'a>),
    Walk,
}

/// The node, as a hook takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeParameter<'a> {
    /// The node type that selects the nodes; `None` takes every node.
    pub(crate) ty: Option<&'a Type>,
    pub(crate) mutable: bool,
}

impl<'a> Parameter<'a> {
    /// The parameter that a hook declares with type `ty`; `None` when no hook is given such a
    /// thing.
    ///
    /// Types are known by the last segment of their path, however the application imports them.
    pub(crate) fn of(ty: &'a Type) -> Option<Self> {
        let Type::Reference(reference) = ungroup(ty) else {
            return None;
        };
        let Type::Path(path) = ungroup(&reference.elem) else {
            return None;
        };
        let segment = path.path.segments.last()?;
        let mutable = reference.mutability.is_some();
        match (segment.ident.to_string().as_str(), only_argument(segment)) {
            ("Stored", Some(ty)) => Some(Self::Node(NodeParameter { ty: Some(ty), mutable })),
            ("AnyNode", None) => Some(Self::Node(NodeParameter { ty: None, mutable })),
            ("Walk", Some(_)) => Some(Self::Walk),
            _ => None,
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
