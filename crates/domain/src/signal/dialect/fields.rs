//! The fields of an alert, by name, whatever its syntax.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::super::json::{Node, Value};
use super::super::{ErrorCode, SignalError, Span};
use super::bearing::bears;
pub(super) use super::content::{Content, List, Scalar};

/// Most fields of one object.
const MAX_FIELDS: usize = 64;

/// What has become of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    No,
    Read,
    /// It says nothing about the order, unless an object or a list inside does.
    Ignored,
}

#[derive(Debug, Clone)]
struct Field<'a> {
    /// Small letters and digits only: `stopLoss`, `stop_loss` and `STOP LOSS` are one name.
    name: String,
    span: Span,
    content: Content<'a>,
    used: Use,
}

/// The fields of one object or list of pairs.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields<'a> {
    list: Vec<Field<'a>>,
}

/// Names of fields that hold credentials: what stands there is nobody's business, a template's text included.
const CREDENTIALS: &[&str] = &[
    "apikey",
    "apisecret",
    "auth",
    "botuuid",
    "emailtoken",
    "key",
    "license",
    "licenseid",
    "passphrase",
    "password",
    "pin",
    "secret",
    "signaltoken",
    "token",
    "uuid",
    "webhooksecret",
];

/// Names of lists of targets.
const TARGETS: &[&str] = &["takeprofits", "targets", "tps"];

/// A key without its case and separators.
pub(super) fn plain_name(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
}

/// The last part of a dotted name, without a leading `strategy`.
fn last_part(name: &str) -> &str {
    let last = name.rsplit('.').next().unwrap_or(name);
    if matches!(last, "strategyname" | "strategyid") {
        return last;
    }
    last.strip_prefix("strategy").filter(|rest| !rest.is_empty()).unwrap_or(last)
}

impl<'a> Fields<'a> {
    /// The fields of a JSON object. Template variables that are left refuse it.
    pub(super) fn of_object(fields: &[(Node<'a>, Node<'a>)]) -> Result<Self, SignalError> {
        if let Some((key, _)) = fields.get(MAX_FIELDS) {
            let detail = format!("More than {MAX_FIELDS} fields.");
            return Err(SignalError::at(ErrorCode::TooLarge, key.span, detail));
        }
        let mut list = Vec::with_capacity(fields.len());
        for (key, node) in fields {
            let Value::Text(name) = &key.value else { continue };
            refuse_variable(name, key.span)?;
            let name = plain_name(name);
            let content = Self::content(&name, node)?;
            list.push(Field { name, span: key.span, content, used: Use::No });
        }
        Ok(Self { list })
    }

    fn content(name: &str, node: &Node<'a>) -> Result<Content<'a>, SignalError> {
        let scalar = |text: Cow<'a, str>| Content::Scalar(Scalar { text, span: node.span });
        Ok(match &node.value {
            Value::Null => Content::Absent,
            Value::Text(text) if text.trim().is_empty() => Content::Empty,
            Value::Text(text) => {
                if !is_credential(name) {
                    refuse_variable(text, node.span)?;
                }
                scalar(text.clone())
            }
            Value::Number(text) => scalar(Cow::Borrowed(text)),
            Value::Flag(flag) => scalar(Cow::Borrowed(if *flag { "true" } else { "false" })),
            Value::Object(fields) => Content::Object(Self::of_object(fields)?),
            Value::List(list) => {
                let inside: Result<_, _> = list.iter().map(|member| Self::content(name, member)).collect();
                Content::List(List { nodes: list.clone(), inside: inside? })
            }
        })
    }

    /// Adds a `key=value` pair.
    pub(super) fn add(
        &mut self,
        name: &str,
        name_span: Span,
        value: &'a str,
        span: Span,
    ) -> Result<(), SignalError> {
        if self.list.len() >= MAX_FIELDS {
            let detail = format!("More than {MAX_FIELDS} fields.");
            return Err(SignalError::at(ErrorCode::TooLarge, name_span, detail));
        }
        let name = plain_name(name);
        if self.list.iter().any(|field| field.name == name) {
            let detail = format!("The key `{name}` stands twice.");
            return Err(SignalError::at(ErrorCode::DuplicateKey, name_span, detail));
        }
        if !is_credential(&name) {
            refuse_variable(value, span)?;
        }
        let content = if value.is_empty() {
            Content::Empty
        } else {
            Content::Scalar(Scalar { text: Cow::Borrowed(value), span })
        };
        self.list.push(Field { name, span: name_span, content, used: Use::No });
        Ok(())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.list.iter().any(|field| field.name == name)
    }

    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The single value of a field that goes by several names.
    pub(super) fn take(&mut self, names: &[&str]) -> Result<Option<Scalar<'a>>, SignalError> {
        let mut found: Option<Scalar<'a>> = None;
        for field in self.list.iter_mut().filter(|field| names.contains(&field.name.as_str())) {
            field.used = Use::Read;
            match &field.content {
                Content::Absent | Content::Empty => {}
                Content::Scalar(scalar) => match &found {
                    Some(first) if first.text != scalar.text => {
                        let detail = format!(
                            "`{}` differs from `{}`, and both say the same thing.",
                            scalar.text, first.text
                        );
                        return Err(SignalError::at(ErrorCode::DuplicateField, scalar.span, detail));
                    }
                    Some(_) => {}
                    None => found = Some(scalar.clone()),
                },
                Content::Object(_) | Content::List(_) => {
                    let detail = format!("`{}` must be a single value.", field.name);
                    return Err(SignalError::at(ErrorCode::UnknownParameter, field.span, detail));
                }
            }
        }
        Ok(found)
    }

    /// The single value of a field, left to be read by others.
    pub(super) fn peek(&self, name: &str) -> Option<&Scalar<'a>> {
        let field = self.list.iter().find(|field| field.name == name)?;
        if let Content::Scalar(scalar) = &field.content { Some(scalar) } else { None }
    }

    /// Calls a visitor for every field, also inside objects and lists. A field for which it returns true counts as used.
    ///
    /// The visitor gets names without their path: `strategy.market_position` and `strategy_market_position` both come as
    /// `marketposition`. A list of targets is left to those who read targets: there `close` is a share.
    pub(super) fn visit<V>(&mut self, visitor: &mut V) -> Result<(), SignalError>
    where
        V: FnMut(&str, Span, &Content<'a>) -> Result<bool, SignalError>,
    {
        for field in &mut self.list {
            if visitor(last_part(&field.name), field.span, &field.content)? {
                field.used = Use::Read;
            }
            if !TARGETS.contains(&field.name.as_str()) {
                field.content.visit(visitor)?;
            }
        }
        Ok(())
    }

    /// Whether there are prices of a bar, here or inside an object or a list. `"close": 1` may be an exit flag.
    pub(super) fn has_bar_prices(&self) -> bool {
        self.list.iter().any(|field| match &field.content {
            Content::Scalar(scalar) if field.name == "close" => super::stated::number(scalar)
                .is_some_and(|price| price > Decimal::ZERO && price != Decimal::ONE),
            Content::Scalar(_) => matches!(field.name.as_str(), "open" | "high" | "low"),
            Content::Absent | Content::Empty => false,
            Content::Object(_) | Content::List(_) => field.content.has_bar_prices(),
        })
    }

    /// Whether `holds` is true for every field.
    pub(super) fn all(&self, holds: fn(&Content<'a>) -> bool) -> bool {
        self.list.iter().all(|field| holds(&field.content))
    }

    /// Whether the object is switched off as a whole: `"enabled": false`.
    pub(super) fn is_switched_off(&self) -> bool {
        let switch = ["enabled", "enable", "active", "use"].iter().find_map(|name| self.peek(name));
        switch.and_then(super::truth::truth) == Some(false)
    }

    /// The place of the first of these names whose field holds a single value.
    pub(super) fn first_of(&self, names: &[&str]) -> Option<Span> {
        names.iter().find_map(|name| self.peek(name)).map(|scalar| scalar.span)
    }

    /// The place of the first of these names whose field holds a single value other than zero.
    pub(super) fn first_of_stated(&self, names: &[&str]) -> Option<Span> {
        let stated =
            names.iter().filter_map(|name| self.peek(name)).find(|value| !super::order::is_zero(value));
        stated.map(|scalar| scalar.span)
    }

    /// Whether a field is an object that has a field of a name.
    pub(super) fn holds(&self, name: &str, inner: &str) -> bool {
        let field = self.list.iter().find(|field| field.name == name);
        matches!(field.map(|field| &field.content), Some(Content::Object(fields)) if inner.is_empty() || fields.has(inner))
    }

    /// Whether a name ends in a number.
    pub(super) fn has_numbered(&self) -> bool {
        self.list.iter().any(|field| field.name.bytes().any(|b| b.is_ascii_digit()))
    }

    /// Takes a field out: nobody else reads it.
    pub(super) fn remove(&mut self, name: &str) -> Result<Option<Scalar<'a>>, SignalError> {
        let found = self.take(&[name])?;
        self.list.retain(|field| field.name != name);
        Ok(found)
    }

    /// The fields of an object inside.
    pub(super) fn object(&mut self, name: &str) -> Option<Fields<'a>> {
        let field = self.list.iter_mut().find(|field| field.name == name)?;
        let Content::Object(fields) = &field.content else {
            return None;
        };
        field.used = Use::Read;
        Some(fields.clone())
    }

    /// Takes the fields of an object out.
    pub(super) fn remove_object(&mut self, name: &str) -> Option<Fields<'a>> {
        let found = self.object(name)?;
        self.list.retain(|field| field.name != name);
        Some(found)
    }

    /// The members of a list inside.
    pub(super) fn members(&mut self, name: &str) -> Option<Vec<Node<'a>>> {
        let field = self.list.iter_mut().find(|field| field.name == name)?;
        let Content::List(list) = &field.content else {
            return None;
        };
        field.used = Use::Read;
        Some(list.nodes.clone())
    }

    /// Marks fields that say nothing about the order, as long as nothing inside them does.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        for field in self.list.iter_mut().filter(|field| field.used == Use::No) {
            if is_credential(&field.name) || names.contains(&field.name.as_str()) {
                field.used = Use::Ignored;
            }
        }
    }

    /// Marks objects and lists that say nothing about the order, as long as nothing inside them does.
    pub(super) fn ignore_nested(&mut self, names: &[&str]) {
        for field in self.list.iter_mut().filter(|field| names.contains(&field.name.as_str())) {
            if matches!(field.content, Content::Object(_) | Content::List(_)) {
                field.used = Use::Ignored;
            }
        }
    }

    /// Refuses what nobody has read: it may have said something that matters.
    pub(super) fn refuse_rest(&self) -> Result<(), SignalError> {
        let bar = self.has_bar_prices();
        for field in &self.list {
            match field.used {
                Use::Read => {}
                Use::Ignored => field.content.refuse_bearing(bar)?,
                Use::No if matches!(field.content, Content::Absent | Content::Empty) => {}
                Use::No => return Err(field.unknown()),
            }
        }
        Ok(())
    }

    /// Refuses what nobody has read, if its name or its value may bear on the order.
    pub(super) fn refuse_bearing(&self, bar: bool) -> Result<(), SignalError> {
        for field in self.list.iter().filter(|field| field.used != Use::Read) {
            if bears(last_part(&field.name), &field.content, bar) {
                return Err(field.unknown());
            }
            field.content.refuse_bearing(bar)?;
        }
        Ok(())
    }
}

impl Field<'_> {
    fn unknown(&self) -> SignalError {
        let detail = format!("The parameter `{}` is not known here.", self.name);
        SignalError::at(ErrorCode::UnknownParameter, self.span, detail)
    }
}

/// Whether a field by this name holds a credential.
pub(super) fn is_credential(name: &str) -> bool {
    CREDENTIALS.contains(&name)
}

/// `{{close}}`, `{entry}`, `<price>`, `%name%`, `YOUR_KEY`.
pub(super) fn refuse_variable(text: &str, span: Span) -> Result<(), SignalError> {
    let wrapped = |open: char, close: char| {
        text.split_once(open).is_some_and(|(_, rest)| {
            rest.starts_with(|c: char| c.is_ascii_alphabetic()) && rest.contains(close)
        })
    };
    let open = text.contains("{{")
        || wrapped('{', '}')
        || wrapped('<', '>')
        || wrapped('%', '%')
        || text.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("your_"));
    if !open {
        return Ok(());
    }
    let detail = format!("`{text}` is a template variable that its sender did not fill in.");
    Err(SignalError::at(ErrorCode::UnfilledPlaceholder, span, detail))
}
