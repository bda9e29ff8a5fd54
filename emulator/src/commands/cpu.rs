//! `qapi/cpu.json`.

use boardwright_riscv::{CPU_MODELS, CpuProperty, PropertyError};
use qapi_runtime::{Map, QmpError, Value};

use crate::devices::cpu::model;
use crate::door::Door;
use crate::qapi::{
    CpuCommands, CpuDefinitionInfo, CpuModelExpansionInfo, CpuModelExpansionType, CpuModelInfo,
    QueryCpuModelExpansion,
};

impl CpuCommands for Door {
    fn query_cpu_model_expansion(
        &mut self,
        arguments: QueryCpuModelExpansion,
    ) -> Result<CpuModelExpansionInfo, QmpError> {
        let CpuModelInfo { name, props } = arguments.model;
        if arguments.type_ != CpuModelExpansionType::Full {
            return Err(QmpError::generic("The requested expansion type is not supported"));
        }
        let found = model::find(&name).ok_or_else(|| {
            QmpError::generic(format!("The CPU type '{name}' is not a known RISC-V CPU type"))
                .with_nearest(&name, CPU_MODELS.iter().map(|model| model.name))
        })?;
        let given = texts(props.as_ref())?;
        let given = given.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let cpu = found.with_properties(given).map_err(|error| match &error {
            PropertyError::Unknown(property) => QmpError::generic(format!(
                "Property '{}.{property}' not found",
                model::type_name(&name)
            ))
            .with_nearest(property, CpuProperty::all().map(CpuProperty::name)),
            _ => model::explain(&name, &error),
        })?;
        let properties = CpuProperty::all().map(|p| (p.name().to_owned(), model::value(p, &cpu)));
        let props = Some(Value::Object(properties.collect()));
        Ok(CpuModelExpansionInfo { model: CpuModelInfo { name, props } })
    }

    fn query_cpu_definitions(&mut self) -> Result<Vec<CpuDefinitionInfo>, QmpError> {
        let describe = |cpu: &boardwright_riscv::CpuModel| CpuDefinitionInfo {
            name: cpu.name.into(),
            static_: cpu.stable,
            typename: model::type_name(cpu.name),
            deprecated: false,
        };
        Ok(CPU_MODELS.iter().map(describe).collect())
    }
}

/// Properties as options spell them, after their JSON types have been checked.
fn texts(props: Option<&Value>) -> Result<Vec<(String, String)>, QmpError> {
    let none = Map::new();
    let props = match props {
        None => &none,
        Some(Value::Object(props)) => props,
        Some(_) => return Err(wrong_type("props", "dict")),
    };
    let text = |(name, value): (&String, &Value)| {
        let kind = CpuProperty::find(name).map_or("", CpuProperty::type_name);
        let text = match (kind, value) {
            ("bool", Value::Bool(on)) => String::from(if *on { "on" } else { "off" }),
            ("uint64", Value::Number(number)) => number.to_string(),
            ("str", Value::String(word)) => word.clone(),
            ("bool", _) => return Err(wrong_type(name, "boolean")),
            ("uint64", _) => return Err(wrong_type(name, "uint64")),
            ("str", _) => return Err(wrong_type(name, "string")),
            // There is no such property, which is told where they are set.
            _ => String::new(),
        };
        Ok((name.clone(), text))
    };
    props.iter().map(text).collect()
}

fn wrong_type(name: &str, expected: &str) -> QmpError {
    QmpError::generic(format!("Invalid parameter type for '{name}', expected: {expected}"))
}
