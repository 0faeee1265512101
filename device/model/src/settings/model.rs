//! The settings as a model of the camera has them (GEN-24): sections and fields it lacks, numbers it bounds.

use std::sync::Arc;

use serde_json::Value;

use super::{Descriptor, Settings, SettingsStore, section::AnySection};
use crate::{Violation, Violations, product::Product};

impl SettingsStore {
    /// Takes the model table. Sections that the model lacks cannot be reached and read as off, fields likewise, and
    /// numbers stay within its bounds; what is stored stays stored. Called at the start, before anybody acts on settings.
    pub fn set_product(&self, product: Product) {
        let mut after = (*self.snapshot().0).clone();
        for d in self.registry.values() {
            if let Some(held) = after.get_mut(d.key) {
                held.section = product.fit(d, &held.section);
            }
        }
        *self.product.write() = Arc::new(product);
        self.replace_all(Settings(Arc::new(after)));
    }

    /// The model table.
    pub fn product(&self) -> Arc<Product> {
        self.product.read().clone()
    }

    /// The defaults of a section on this model.
    pub(super) fn default_of(&self, d: &Descriptor) -> AnySection {
        self.product().fit(d, &(d.default)())
    }
}

impl Product {
    /// The section as this model has it.
    fn fit(&self, d: &Descriptor, section: &AnySection) -> AnySection {
        let off = (d.off)();
        if !self.meets(d.needs) {
            return off;
        }
        let (mut value, off) = ((d.value)(section), (d.value)(&off));
        for (field, need) in d.fields {
            let at = format!("/{field}");
            if !self.meets(Some(*need))
                && let (Some(held), Some(off)) = (value.pointer_mut(&at), off.pointer(&at))
            {
                *held = off.clone();
            }
        }
        for (field, limit) in d.limited {
            let most = u64::from(self.limit(*limit));
            if value[*field].as_u64().is_some_and(|n| n > most) {
                value[*field] = most.into();
            }
        }
        // Parts of valid sections, and a bound within the type's own: it parses.
        (d.parse)(&value).unwrap_or_else(|_| section.clone())
    }

    /// Leaves of a schema what this model has.
    pub(super) fn narrow_schema(&self, d: &Descriptor, schema: &mut Value) {
        let lacking = d.fields.iter().filter(|(_, need)| !self.meets(Some(*need)));
        for (field, _) in lacking {
            // A field within a group: `input1/output2`.
            let (group, name) = field.rsplit_once('/').unwrap_or(("", field));
            let groups = group.split('/').filter(|g| !g.is_empty());
            let at: String = groups.map(|g| format!("/properties/{g}")).collect();
            let Some(group) = schema.pointer_mut(&at) else {
                continue;
            };
            if let Some(properties) = group["properties"].as_object_mut() {
                properties.remove(name);
            }
            if let Some(required) = group["required"].as_array_mut() {
                required.retain(|field| field != name);
            }
        }
        for (field, limit) in d.limited {
            if let Some(property) = schema.pointer_mut(&format!("/properties/{field}")) {
                property["maximum"] = self.limit(*limit).into();
            }
        }
    }

    /// Refuses changes of fields that this model lacks, and numbers beyond its bounds.
    pub(super) fn check_section(
        &self,
        d: &Descriptor,
        before: &Value,
        after: &Value,
        violations: &mut Violations,
    ) {
        for (field, need) in d.fields {
            let pointer = format!("/{field}");
            if before.pointer(&pointer) != after.pointer(&pointer)
                && let Err(e) = self.require(Some(*need))
            {
                violations
                    .0
                    .push(Violation::new(&pointer, "", e.to_string()));
            }
        }
        for (field, limit) in d.limited {
            let most = self.limit(*limit);
            let n = after[*field].as_u64().unwrap_or_default();
            violations.require(n <= u64::from(most), || {
                let reason = format!("must be at most {most} on the model {}", self.name());
                Violation::new(&format!("/{field}"), n, reason)
            });
        }
    }
}
