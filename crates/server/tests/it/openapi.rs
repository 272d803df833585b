//! `/openapi.json`

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use crate::harness::Service;
use crate::routes::{GUARDED, PUBLIC, REGISTER, filled};

const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document(service: &Service) -> Value {
    let answer = service.call(Method::GET, "/openapi.json", None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

/// Every operation: method, path, and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for verb in VERBS {
            if let Some(operation) = item.get(verb) {
                found.push((verb.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    found
}

#[tokio::test]
async fn it_is_openapi_3_1_and_names_every_route_and_no_other() {
    let service = Service::start().await;
    let document = document(&service).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let named: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let of_itself = ["/openapi.json", "/docs/"];
    let expected = PUBLIC
        .into_iter()
        .chain([REGISTER])
        .chain(GUARDED)
        .filter(|(_, path)| !of_itself.contains(path))
        .map(|(method, path)| (method.to_string(), path.to_owned()))
        .collect();
    assert_eq!(named, expected);
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let service = Service::start().await;
    let document = document(&service).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let operations = operations(&document);
    let ids: BTreeSet<&str> =
        operations.iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len());
}

#[tokio::test]
async fn what_a_route_answers_without_a_key_is_documented() {
    let service = Service::start().await;
    for (method, path, operation) in operations(&document(&service).await) {
        let method: Method = method.parse().unwrap();
        let answer = service.call(method.clone(), &filled(&path), None).await;
        let status = answer.status.as_u16().to_string();
        assert!(operation["responses"].get(&status).is_some(), "{method} {path} says {status}");
        let content = &operation["responses"][&status]["content"];
        let Some(content) = content.as_object() else { continue };
        let kind = answer.header("content-type").unwrap().split(';').next().unwrap();
        assert!(content.contains_key(kind), "{method} {path} {status} is {kind}: {content:?}");
        let needs_key = operation["security"].as_array().is_some_and(|ways| !ways.is_empty());
        let guarded = GUARDED.iter().any(|route| (&route.0, route.1) == (&method, path.as_str()));
        assert_eq!(needs_key, guarded || (method, path.as_str()) == REGISTER, "{path}");
    }
}

#[tokio::test]
async fn every_answer_is_described() {
    let document = serde_json::to_value(hookfill::http::openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let described = response["description"].as_str().is_some_and(|words| !words.is_empty());
                assert!(described, "{method} {path} {status}");
            }
        }
    }
}
