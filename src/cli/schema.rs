//! `countersign schema`: the JSON Schema of desired state, for editors and for other programs.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::error::Failure;
use super::exit;
use super::output::Output;
use crate::desired::{
    AttestationSection, Common, DatabaseSection, Defaults, GapSection, GateSection, HostSection,
    ProofSection, ProofsetSection, ReportSection, WaiverSection,
};
use crate::kinds::KINDS;

/// Print the JSON Schema of a file of desired state
#[derive(Debug, clap::Args)]
#[command(
    after_help = "For an editor that knows TOML schemas: save it, and put `#:schema ./countersign.schema.json` on the first \
                  line of a file."
)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, output: &Output) -> Result<u8, Failure> {
    let schema = desired_state();
    output.write(|out| {
        serde_json::to_writer_pretty(&mut *out, &schema)?;
        writeln!(out)
    })?;
    Ok(exit::OK)
}

/// The schema of one file: every section and every kind, whichever file they belong in.
pub(super) fn desired_state() -> Value {
    let mut definitions = Map::new();
    let mut properties = Map::new();
    properties.insert("host".to_owned(), inline::<HostSection>(&mut definitions));
    properties.insert("defaults".to_owned(), inline::<Defaults>(&mut definitions));
    properties.insert(
        "values".to_owned(),
        json!({ "type": "object", "additionalProperties": { "type": "string" } }),
    );
    properties.insert("database".to_owned(), keyed(&inline::<DatabaseSection>(&mut definitions)));
    properties.insert("waiver".to_owned(), keyed(&inline::<WaiverSection>(&mut definitions)));
    properties.insert("proof".to_owned(), keyed(&inline::<ProofSection>(&mut definitions)));
    properties.insert("proofset".to_owned(), keyed(&inline::<ProofsetSection>(&mut definitions)));
    properties
        .insert("attestation".to_owned(), keyed(&inline::<AttestationSection>(&mut definitions)));
    properties.insert("gate".to_owned(), keyed(&inline::<GateSection>(&mut definitions)));
    properties.insert("gap".to_owned(), keyed(&inline::<GapSection>(&mut definitions)));
    properties.insert("report".to_owned(), keyed(&inline::<ReportSection>(&mut definitions)));
    let common = inline::<Common>(&mut definitions);
    for kind in KINDS {
        let own = take_definitions(kind.schema(), &mut definitions);
        let mut table = keyed(&merged(own, &common));
        table["description"] = Value::String(kind.about().to_owned());
        properties.insert(kind.name().to_owned(), table);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "countersign desired state",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions,
    })
}

fn keyed(table: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": table })
}

fn inline<T: JsonSchema>(definitions: &mut Map<String, Value>) -> Value {
    take_definitions(schemars::schema_for!(T), definitions)
}

/// Moves the definitions of a schema to those of the whole, so that its references go on holding.
fn take_definitions(schema: schemars::Schema, definitions: &mut Map<String, Value>) -> Value {
    let mut value = schema.to_value();
    if let Some(object) = value.as_object_mut() {
        if let Some(Value::Object(own)) = object.remove("$defs") {
            definitions.extend(own);
        }
        object.remove("$schema");
    }
    value
}

/// A kind's own keys, and those of every resource.
fn merged(mut own: Value, common: &Value) -> Value {
    if let (Some(properties), Some(shared)) = (
        own.get_mut("properties").and_then(Value::as_object_mut),
        common.get("properties").and_then(Value::as_object),
    ) {
        properties.extend(shared.clone());
    }
    own
}
