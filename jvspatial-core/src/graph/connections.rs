//! What became of connections.

use crate::entity::Stored;
use crate::error::{Error, Result};

/// What became of one connection of [`Graph::connect_many`](crate::Graph::connect_many).
#[derive(Debug)]
pub enum Connection<E> {
    /// The nodes are joined by this new edge.
    Created(Stored<E>),
    /// The nodes were joined already, by this edge, which is unchanged.
    Existing(Stored<E>),
    /// There is no edge, for this reason.
    Failed(Error),
}

impl<E> Connection<E> {
    /// Whether the edge is new.
    pub const fn is_created(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    /// The edge, when there is one.
    pub const fn edge(&self) -> Option<&Stored<E>> {
        match self {
            Self::Created(edge) | Self::Existing(edge) => Some(edge),
            Self::Failed(_) => None,
        }
    }

    /// The edge, or why there is none.
    ///
    /// # Errors
    /// The error of [`Failed`](Self::Failed).
    pub fn into_result(self) -> Result<Stored<E>> {
        match self {
            Self::Created(edge) | Self::Existing(edge) => Ok(edge),
            Self::Failed(error) => Err(error),
        }
    }
}

/// What became of the connections of [`Graph::connect_many`](crate::Graph::connect_many), in their
/// order.
#[derive(Debug)]
#[must_use = "some connections may have failed"]
pub struct Connections<E>(Vec<Connection<E>>);

impl<E> Connections<E> {
    pub(super) const fn new(connections: Vec<Connection<E>>) -> Self {
        Self(connections)
    }

    /// How many connections were asked for.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no connection was asked for.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The connections in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Connection<E>> {
        self.0.iter()
    }

    /// The connections that failed, by their place among all.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Error)> {
        self.0.iter().enumerate().filter_map(|(position, connection)| match connection {
            Connection::Failed(error) => Some((position, error)),
            Connection::Created(_) | Connection::Existing(_) => None,
        })
    }

    /// All edges in order, whether new or there already.
    ///
    /// # Errors
    /// The error of the first connection that failed, with its place as the fact `position`. The other
    /// connections stay made.
    pub fn into_result(self) -> Result<Vec<Stored<E>>> {
        let edges = self.0.into_iter().enumerate().map(|(position, connection)| {
            connection.into_result().map_err(|error| error.with("position", position))
        });
        edges.collect()
    }
}

impl<E> IntoIterator for Connections<E> {
    type Item = Connection<E>;
    type IntoIter = std::vec::IntoIter<Connection<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, E> IntoIterator for &'a Connections<E> {
    type Item = &'a Connection<E>;
    type IntoIter = std::slice::Iter<'a, Connection<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
