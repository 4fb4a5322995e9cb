//! `schema`: the JSON Schema of a document, or a change record to fill in.

use super::args::{Output, Schema, SchemaName};
use super::exit::Exit;
use super::run::map_from;
use super::terminal::{invalid_input, print_json, print_line};
use crate::decide::policy::ApprovalPolicy;
use crate::freeze_mode::budget::ErrorBudget;
use crate::model::ids::Role;
use crate::model::record::ChangeRecord;
use crate::selectors::skeleton::skeleton;

/// Carries out `schema`.
pub fn run(args: &Schema, output: Output) -> Exit {
    match (args.name, &args.skeleton) {
        (SchemaName::Record, None) => print_json(&schemars::schema_for!(ChangeRecord)),
        (SchemaName::ErrorBudget, None) => print_json(&schemars::schema_for!(ErrorBudget)),
        (SchemaName::ErrorBudget, Some(_)) => {
            invalid_input(output, &"error: only a record has a skeleton\n  = help: leave --skeleton out")
        }
        (SchemaName::Record, Some(map)) => match map_from(map) {
            Ok(map) => {
                let policy = ApprovalPolicy::default();
                let roles: Vec<&str> = policy.required_roles.iter().map(Role::as_str).collect();
                print_line(skeleton(&map, &roles).trim_end())
            }
            Err(error) => invalid_input(output, &error),
        },
    }
}
