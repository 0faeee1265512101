//! Analytics service: the recogniser and its rules, as the settings have them.
//!
//! There is one analytics configuration. Rules and modules are no store of their own: each is a part of the settings
//! `lpr.recognition`, `lpr.areas`, `lpr.tracks`, `lpr.intelligence` and `event.motion_regions` (ADR 0024), so what a client changes shows
//! on the pages, and the other way round. The media services show the same lists in their analytics configuration.

mod backing;
mod draft;
mod items;
mod modules;
mod motion;
mod plates;
mod rules;
mod tracks;

use onvif_contracts::{ports::analytics_engine_port::AnalyticsEnginePort, tan, tt};
use onvif_xml::{List, QName, soap::Fault};
use platecam_model::{Picture, RecordId, settings::LprAreas};

use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes, shortened},
    media::{ANALYTICS_CONFIG, MODULE, configurations},
    pictures::record_path,
};
use draft::Draft;

/// Capabilities of the service.
pub(crate) fn capabilities() -> tan::Capabilities {
    tan::Capabilities {
        rule_support: Some(true),
        analytics_module_support: Some(true),
        cell_based_scene_description_supported: Some(false),
        rule_options_supported: Some(true),
        analytics_module_options_supported: Some(true),
        supported_metadata: Some(true),
        image_sending_type: Some(List(vec![plates::IMAGES.into()])),
        ..Default::default()
    }
}

/// The modules and rules of the one configuration.
pub(crate) fn parts(call: &Call<'_>) -> (Vec<tt::Config>, Vec<tt::Config>) {
    let draft = Draft::of(&call.device().settings.snapshot());
    (
        modules::current(&draft),
        rules::current(&draft, picture_width(call)),
    )
}

/// Width of the source's picture in pixels.
fn picture_width(call: &Call<'_>) -> u32 {
    let (width, _, _) = configurations::picture(call);
    u32::try_from(width).unwrap_or(1)
}

fn check_configuration(token: &str) -> Answer<()> {
    if token == ANALYTICS_CONFIG {
        Ok(())
    } else {
        Err(fault::no_config(token))
    }
}

/// A fault that the request brought on itself.
fn invalid(subcode: &'static str, reason: String) -> Fault {
    Fault::sender(&["InvalidArgVal", subcode], reason)
}

/// Changes rules or modules and stores them in one step; `refused` is the subcode of what the settings refuse.
fn change(
    call: &Call<'_>,
    refused: &'static str,
    edit: impl FnOnce(&mut Draft) -> Answer<()>,
) -> Answer<()> {
    let _one_at_a_time = call.inner.profiles.lock();
    let before = Draft::of(&call.device().settings.snapshot());
    let mut after = before.clone();
    edit(&mut after)?;
    after.store(&before, call).map_err(|e| {
        let own = Subcodes {
            invalid: refused,
            conflict: &["Action", "ConfigurationConflict"],
            ..Subcodes::default()
        };
        fault::of_operation(e, own)
    })
}

/// Places the type of a rule or a module in its options.
fn with_type(
    mut options: Vec<tan::ConfigOptions>,
    place: impl Fn(&mut tan::ConfigOptions),
) -> Vec<tan::ConfigOptions> {
    options.iter_mut().for_each(place);
    options
}

const REFUSED: &str = "InvalidModule";
const CONFIG_MODIFY: &str = "ConfigModify";

fn fixed(what: &str) -> Fault {
    let reason = format!("the module {MODULE} is always there: it can be changed, not {what}");
    Fault::sender(&["Action", "FixedModules"], reason)
}

fn no_module(name: &str) -> Fault {
    let reason = format!("there is no module '{}'", shortened(name));
    invalid("NameNotExistent", reason)
}

fn no_type(kind: &QName) -> Fault {
    let reason = format!("there is no type of module '{}'", shortened(kind.local()));
    invalid("TypeNotExistent", reason)
}

/// Where a shield area of this name is.
fn shield_at(draft: &Draft, name: &str) -> Option<usize> {
    draft.areas.shield_areas.iter().position(|a| a.name == name)
}

fn create(draft: &mut Draft, module: &tt::Config) -> Answer<()> {
    if module.r#type == modules::reader() {
        return Err(fixed("made"));
    }
    if module.r#type != modules::shield() {
        let kind = shortened(module.r#type.local());
        return Err(invalid(REFUSED, format!("Type {kind}: unknown")));
    }
    if module.name == MODULE || shield_at(draft, &module.name).is_some() {
        let reason = format!("there is a module '{}'", shortened(&module.name));
        return Err(invalid("NameAlreadyExistent", reason));
    }
    if draft.areas.shield_areas.len() >= LprAreas::MAX_SHIELDS {
        let reason = format!("at most {} shield areas", LprAreas::MAX_SHIELDS);
        return Err(Fault::receiver(&["Action", "TooManyModules"], reason));
    }
    modules::create_shield(draft, module).map_err(|e| invalid(REFUSED, e))
}

fn modify(draft: &mut Draft, module: &tt::Config) -> Answer<()> {
    let (kind, at) = if module.name == MODULE {
        (modules::reader(), None)
    } else {
        let at = shield_at(draft, &module.name);
        let at = at.ok_or_else(|| no_module(&module.name))?;
        (modules::shield(), Some(at))
    };
    if module.r#type != kind {
        return Err(type_change(&module.name));
    }
    match at {
        None => modules::modify_reader(draft, module),
        Some(at) => modules::modify_shield(draft, at, module),
    }
    .map_err(|e| invalid(REFUSED, e))
}

fn delete(draft: &mut Draft, name: &str) -> Answer<()> {
    if name == MODULE {
        return Err(fixed("deleted"));
    }
    let at = shield_at(draft, name).ok_or_else(|| no_module(name))?;
    draft.areas.shield_areas.remove(at);
    Ok(())
}

/// Makes the modules these: what is not among them is deleted, what is new is made.
fn replace_modules(draft: &mut Draft, modules: &[tt::Config]) -> Answer<()> {
    for old in modules::current(draft) {
        if modules.iter().all(|m| m.name != old.name) {
            delete(draft, &old.name)?;
        }
    }
    modules.iter().try_for_each(|module| {
        let known = module.name == MODULE || shield_at(draft, &module.name).is_some();
        if known {
            modify(draft, module)
        } else {
            create(draft, module)
        }
    })
}

/// `SetVideoAnalyticsConfiguration` of Media 1: rules and modules become those of `wanted`, all or nothing.
///
/// # Errors
/// `ter:NoConfig`; `ter:ConfigModify` for what rules and modules cannot be.
pub(crate) fn replace(call: &Call<'_>, wanted: &tt::VideoAnalyticsConfiguration) -> Answer<()> {
    check_configuration(&wanted.token)?;
    let picture = picture_width(call);
    let engine = &wanted.analytics_engine_configuration;
    change(call, CONFIG_MODIFY, |draft| {
        replace_modules(draft, &engine.analytics_module)
            .and_then(|()| rules::replace(draft, &wanted.rule_engine_configuration.rule, picture))
            .map_err(|f| invalid(CONFIG_MODIFY, f.reason))
    })
}

impl AnalyticsEnginePort for Call<'_> {
    fn get_service_capabilities(
        &self,
        _: tan::GetServiceCapabilities,
    ) -> Answer<tan::GetServiceCapabilitiesResponse> {
        Ok(tan::GetServiceCapabilitiesResponse {
            capabilities: capabilities(),
        })
    }

    fn get_supported_analytics_modules(
        &self,
        request: tan::GetSupportedAnalyticsModules,
    ) -> Answer<tan::GetSupportedAnalyticsModulesResponse> {
        check_configuration(&request.configuration_token)?;
        let module = |name, fixed, most: usize, parameters| tt::ConfigDescription {
            parameters: items::described(parameters),
            name,
            fixed: Some(fixed),
            max_instances: i64::try_from(most).ok(),
            ..Default::default()
        };
        let most = LprAreas::MAX_SHIELDS;
        Ok(tan::GetSupportedAnalyticsModulesResponse {
            supported_analytics_modules: tt::SupportedAnalyticsModules {
                analytics_module_description: vec![
                    module(modules::reader(), true, 1, &modules::READER),
                    module(modules::shield(), false, most, &modules::SHIELD),
                ],
                ..Default::default()
            },
        })
    }

    fn get_analytics_modules(
        &self,
        request: tan::GetAnalyticsModules,
    ) -> Answer<tan::GetAnalyticsModulesResponse> {
        check_configuration(&request.configuration_token)?;
        Ok(tan::GetAnalyticsModulesResponse {
            analytics_module: parts(self).0,
        })
    }

    fn get_analytics_module_options(
        &self,
        request: tan::GetAnalyticsModuleOptions,
    ) -> Answer<tan::GetAnalyticsModuleOptionsResponse> {
        check_configuration(&request.configuration_token)?;
        let all = [
            (modules::reader(), modules::reader_options()),
            (modules::shield(), modules::shield_options()),
        ];
        let wanted = request.r#type.as_ref();
        if let Some(unknown) = wanted.filter(|t| all.iter().all(|(k, _)| k != *t)) {
            return Err(no_type(unknown));
        }
        let of = |(kind, options): (QName, Vec<tan::ConfigOptions>)| {
            with_type(options, |o| o.analytics_module = Some(kind.clone()))
        };
        let chosen = all
            .into_iter()
            .filter(|(k, _)| wanted.is_none_or(|t| t == k));
        Ok(tan::GetAnalyticsModuleOptionsResponse {
            options: chosen.flat_map(of).collect(),
        })
    }

    fn create_analytics_modules(
        &self,
        request: tan::CreateAnalyticsModules,
    ) -> Answer<tan::CreateAnalyticsModulesResponse> {
        check_configuration(&request.configuration_token)?;
        change(self, REFUSED, |draft| {
            let mut all = request.analytics_module.iter();
            all.try_for_each(|module| create(draft, module))
        })?;
        Ok(Default::default())
    }

    fn modify_analytics_modules(
        &self,
        request: tan::ModifyAnalyticsModules,
    ) -> Answer<tan::ModifyAnalyticsModulesResponse> {
        check_configuration(&request.configuration_token)?;
        change(self, REFUSED, |draft| {
            let mut all = request.analytics_module.iter();
            all.try_for_each(|module| modify(draft, module))
        })?;
        Ok(Default::default())
    }

    fn delete_analytics_modules(
        &self,
        request: tan::DeleteAnalyticsModules,
    ) -> Answer<tan::DeleteAnalyticsModulesResponse> {
        check_configuration(&request.configuration_token)?;
        change(self, REFUSED, |draft| {
            let mut all = request.analytics_module_name.iter();
            all.try_for_each(|name| delete(draft, name))
        })?;
        Ok(Default::default())
    }

    fn get_supported_metadata(
        &self,
        request: tan::GetSupportedMetadata,
    ) -> Answer<tan::GetSupportedMetadataResponse> {
        let now = self.inner.now();
        let picture = record_path(RecordId(1), Picture::Plate);
        let all = vec![
            tan::MetadataInfo {
                sample_frame: modules::reader_sample(now, &self.url(&picture)),
                r#type: modules::reader(),
            },
            tan::MetadataInfo {
                sample_frame: modules::empty_sample(now),
                r#type: modules::shield(),
            },
        ];
        let wanted = request.r#type.as_ref();
        if let Some(unknown) = wanted.filter(|t| all.iter().all(|m| m.r#type != **t)) {
            return Err(no_type(unknown));
        }
        let chosen = |m: &tan::MetadataInfo| wanted.is_none_or(|t| *t == m.r#type);
        Ok(tan::GetSupportedMetadataResponse {
            analytics_module: all.into_iter().filter(chosen).collect(),
        })
    }
}

fn type_change(name: &str) -> Fault {
    let reason = format!("'{}': its type cannot be changed", shortened(name));
    Fault::receiver(&["Action", "TypeChangeProhibited"], reason)
}
