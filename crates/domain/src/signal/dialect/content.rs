//! What a field of an alert holds: a single value, or more fields.

use std::borrow::Cow;

use super::super::json::Node;
use super::super::{ErrorCode, SignalError, Span};
use super::bearing::is_command;
use super::fields::Fields;

/// A single value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) span: Span,
}

/// What a field holds.
#[derive(Debug, Clone)]
pub(super) enum Content<'a> {
    /// `null`.
    Absent,
    /// A blank text. Most senders mean nothing by it, but as a flag it is neither yes nor no.
    Empty,
    Scalar(Scalar<'a>),
    Object(Fields<'a>),
    List(List<'a>),
}

/// A list: its members as they stand, and the same members as fields.
#[derive(Debug, Clone)]
pub(super) struct List<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) inside: Vec<Content<'a>>,
}

impl<'a> Content<'a> {
    pub(super) fn visit<V>(&mut self, visitor: &mut V) -> Result<(), SignalError>
    where
        V: FnMut(&str, Span, &Content<'a>) -> Result<bool, SignalError>,
    {
        match self {
            Content::Object(inside) => inside.visit(visitor),
            Content::List(list) => list.inside.iter_mut().try_for_each(|member| member.visit(visitor)),
            Content::Absent | Content::Empty | Content::Scalar(_) => Ok(()),
        }
    }

    pub(super) fn has_bar_prices(&self) -> bool {
        match self {
            Content::Object(inside) => inside.has_bar_prices(),
            Content::List(list) => list.inside.iter().any(Content::has_bar_prices),
            Content::Absent | Content::Empty | Content::Scalar(_) => false,
        }
    }

    /// Refuses what bears on the order inside an object or a list.
    pub(super) fn refuse_bearing(&self, bar: bool) -> Result<(), SignalError> {
        match self {
            Content::Object(inside) => inside.refuse_bearing(bar),
            Content::List(list) => list.inside.iter().try_for_each(|member| match member {
                Content::Scalar(word) if is_command(word) => {
                    let detail = format!("`{}` is not known here.", word.text);
                    Err(SignalError::at(ErrorCode::UnknownParameter, word.span, detail))
                }
                Content::Absent | Content::Empty | Content::Scalar(_) => Ok(()),
                Content::Object(_) | Content::List(_) => member.refuse_bearing(bar),
            }),
            Content::Absent | Content::Empty | Content::Scalar(_) => Ok(()),
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether `holds` is true for every member.
    pub(super) fn all(&self, holds: fn(&Content<'a>) -> bool) -> bool {
        self.inside.iter().all(holds)
    }
}
