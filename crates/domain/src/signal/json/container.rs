//! Lists and objects.

use std::collections::BTreeSet;

use super::{Node, Reader, Value};
use crate::signal::{ErrorCode, SignalError, Span};

impl<'a> Reader<'a> {
    pub(super) fn list(&mut self, depth: usize) -> Result<Node<'a>, SignalError> {
        let start = self.at;
        self.at += 1;
        let mut list = Vec::new();
        self.blanks();
        if self.peek() != Some(b']') {
            loop {
                self.blanks();
                list.push(self.value(depth + 1)?);
                self.blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.unexpected("`,` or `]`")),
                }
            }
        }
        self.at += 1;
        Ok(Node { value: Value::List(list), span: Span { start, end: self.at } })
    }

    pub(super) fn object(&mut self, depth: usize) -> Result<Node<'a>, SignalError> {
        let start = self.at;
        self.at += 1;
        let mut fields: Vec<(Node<'a>, Node<'a>)> = Vec::new();
        self.blanks();
        if self.peek() != Some(b'}') {
            loop {
                self.blanks();
                if self.peek() != Some(b'"') {
                    return Err(self.unexpected("a key in double quotes"));
                }
                let key = self.string()?;
                self.blanks();
                if self.peek() != Some(b':') {
                    return Err(self.unexpected("`:`"));
                }
                self.at += 1;
                self.blanks();
                let value = self.value(depth + 1)?;
                fields.push((key, value));
                self.blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.unexpected("`,` or `}`")),
                }
            }
        }
        self.at += 1;
        refuse_twins(&fields)?;
        Ok(Node { value: Value::Object(fields), span: Span { start, end: self.at } })
    }
}

fn refuse_twins(fields: &[(Node<'_>, Node<'_>)]) -> Result<(), SignalError> {
    let mut seen = BTreeSet::new();
    for (key, _) in fields {
        if let Value::Text(name) = &key.value
            && !seen.insert(name.as_ref())
        {
            let detail = format!("The key `{name}` stands twice in one object.");
            return Err(SignalError::at(ErrorCode::DuplicateKey, key.span, detail));
        }
    }
    Ok(())
}
