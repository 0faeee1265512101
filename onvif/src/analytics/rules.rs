//! The rule engine: one rule for plates, one for tracks, one for vehicles that turn back, and one for each motion region.

use onvif_contracts::{ports::rule_engine_port::RuleEnginePort, tan, tt};
use onvif_xml::{QName, soap::Fault};
use platecam_model::settings::MotionRegions;

use super::{
    backing, change, check_configuration,
    draft::Draft,
    invalid,
    items::{self, Parameter},
    motion, parts, picture_width, plates, tracks, type_change, with_type,
};
use crate::{
    call::{Answer, Call},
    events::{BACKING, LICENSE_PLATE, MOTION_REGION, OBJECT_TRACK, Topic, Type},
    fault::shortened,
};

const REFUSED: &str = "InvalidRule";

/// The rules as they are.
pub(super) fn current(draft: &Draft, picture: u32) -> Vec<tt::Config> {
    let plates = plates::current(draft, picture);
    let tracks = tracks::current(draft);
    let all = plates.into_iter().chain(tracks);
    let all = all.chain(backing::current(draft));
    all.chain(motion::current(draft)).collect()
}

/// Where a rule is.
enum Place {
    Plates,
    Tracks,
    Backing,
    Region(usize),
}

fn find(draft: &Draft, name: &str) -> Option<Place> {
    if draft.lpr.report && draft.lpr.rule_name == name {
        return Some(Place::Plates);
    }
    if draft.tracks.enabled && draft.tracks.rule_name == name {
        return Some(Place::Tracks);
    }
    if draft.intelligence.backing && draft.intelligence.rule_name == name {
        return Some(Place::Backing);
    }
    let at = draft.motion.regions.iter().position(|r| r.name == name);
    at.map(Place::Region)
}

fn no_rule(name: &str) -> Fault {
    let reason = format!("there is no rule '{}'", shortened(name));
    invalid("RuleNotExistent", reason)
}

fn too_many(reason: String) -> Fault {
    Fault::receiver(&["Action", "TooManyRules"], reason)
}

fn create(draft: &mut Draft, rule: &tt::Config, picture: u32) -> Answer<()> {
    if find(draft, &rule.name).is_some() {
        let reason = format!("there is a rule '{}'", shortened(&rule.name));
        return Err(invalid("RuleAlreadyExistent", reason));
    }
    if rule.r#type == plates::kind() {
        if draft.lpr.report {
            let now = &draft.lpr.rule_name;
            let reason = format!("there is one plate rule at most, and it is '{now}'");
            return Err(too_many(reason));
        }
        plates::create(draft, rule, picture)
    } else if rule.r#type == tracks::kind() {
        if draft.tracks.enabled {
            let now = &draft.tracks.rule_name;
            let reason = format!("there is one rule of tracks at most, and it is '{now}'");
            return Err(too_many(reason));
        }
        tracks::create(draft, rule)
    } else if rule.r#type == backing::kind() {
        if draft.intelligence.backing {
            let now = &draft.intelligence.rule_name;
            let reason = format!("there is one rule of backing at most, and it is '{now}'");
            return Err(too_many(reason));
        }
        backing::create(draft, rule)
    } else if rule.r#type == motion::kind() {
        if draft.motion.regions.len() >= MotionRegions::MAX {
            let reason = format!("at most {} motion regions", MotionRegions::MAX);
            return Err(too_many(reason));
        }
        motion::create(draft, rule)
    } else {
        Err(format!("Type {}: unknown", shortened(rule.r#type.local())))
    }
    .map_err(|e| invalid(REFUSED, e))
}

fn modify(draft: &mut Draft, rule: &tt::Config, picture: u32) -> Answer<()> {
    let place = find(draft, &rule.name).ok_or_else(|| no_rule(&rule.name))?;
    let kind = match place {
        Place::Plates => plates::kind(),
        Place::Tracks => tracks::kind(),
        Place::Backing => backing::kind(),
        Place::Region(_) => motion::kind(),
    };
    if rule.r#type != kind {
        return Err(type_change(&rule.name));
    }
    match place {
        Place::Plates => plates::modify(draft, rule, picture),
        Place::Tracks => tracks::modify(draft, rule),
        Place::Backing => backing::modify(rule),
        Place::Region(at) => motion::modify(draft, at, rule),
    }
    .map_err(|e| invalid(REFUSED, e))
}

fn delete(draft: &mut Draft, name: &str) -> Answer<()> {
    match find(draft, name).ok_or_else(|| no_rule(name))? {
        Place::Plates => draft.lpr.report = false,
        Place::Tracks => draft.tracks.enabled = false,
        Place::Backing => draft.intelligence.backing = false,
        Place::Region(at) => drop(draft.motion.regions.remove(at)),
    }
    Ok(())
}

/// Makes the rules these: what is not among them is deleted, what is new is made.
pub(super) fn replace(draft: &mut Draft, rules: &[tt::Config], picture: u32) -> Answer<()> {
    for old in current(draft, picture) {
        if rules.iter().all(|r| r.name != old.name) {
            delete(draft, &old.name)?;
        }
    }
    rules
        .iter()
        .try_for_each(|rule| match find(draft, &rule.name) {
            Some(_) => modify(draft, rule, picture),
            None => create(draft, rule, picture),
        })
}

/// A kind of rule with the event that it sends.
fn description(
    name: QName,
    most: usize,
    parameters: &[Parameter],
    topic: &Topic,
) -> tt::ConfigDescription {
    let simple = |list: &[(&'static str, Type)]| {
        list.iter()
            .map(|(name, of)| tt::ItemListDescriptionSimpleItemDescription {
                name: (*name).into(),
                r#type: QName::new(of.name().0, of.name().1),
            })
            .collect()
    };
    let elements = topic.elements.iter();
    let data = tt::ItemListDescription {
        simple_item_description: simple(topic.data),
        element_item_description: elements
            .map(|(name, of)| tt::ItemListDescriptionElementItemDescription {
                name: (*name).into(),
                r#type: QName::new(of.name().0, of.name().1),
            })
            .collect(),
        ..Default::default()
    };
    let source = tt::ItemListDescription {
        simple_item_description: simple(topic.source),
        ..Default::default()
    };
    tt::ConfigDescription {
        parameters: items::described(parameters),
        messages: vec![tt::ConfigDescriptionMessages {
            source: Some(Box::new(source)),
            data: Some(Box::new(data)),
            parent_topic: topic.expression(),
            is_property: Some(topic.property),
            ..Default::default()
        }],
        name,
        fixed: Some(false),
        max_instances: i64::try_from(most).ok(),
        ..Default::default()
    }
}

impl RuleEnginePort for Call<'_> {
    fn get_supported_rules(
        &self,
        request: tan::GetSupportedRules,
    ) -> Answer<tan::GetSupportedRulesResponse> {
        check_configuration(&request.configuration_token)?;
        let most = MotionRegions::MAX;
        Ok(tan::GetSupportedRulesResponse {
            supported_rules: tt::SupportedRules {
                rule_description: vec![
                    description(plates::kind(), 1, &plates::PARAMETERS, &LICENSE_PLATE),
                    description(tracks::kind(), 1, &tracks::PARAMETERS, &OBJECT_TRACK),
                    description(backing::kind(), 1, &[], &BACKING),
                    description(motion::kind(), most, &motion::PARAMETERS, &MOTION_REGION),
                ],
                ..Default::default()
            },
        })
    }

    fn get_rules(&self, request: tan::GetRules) -> Answer<tan::GetRulesResponse> {
        check_configuration(&request.configuration_token)?;
        Ok(tan::GetRulesResponse {
            rule: parts(self).1,
        })
    }

    fn get_rule_options(
        &self,
        request: tan::GetRuleOptions,
    ) -> Answer<tan::GetRuleOptionsResponse> {
        check_configuration(&request.configuration_token)?;
        let all = [
            (plates::kind(), plates::options(picture_width(self))),
            (tracks::kind(), tracks::options()),
            (backing::kind(), Vec::new()),
            (motion::kind(), motion::options()),
        ];
        let wanted = request.rule_type.as_ref();
        if let Some(unknown) = wanted.filter(|t| all.iter().all(|(k, _)| k != *t)) {
            return Err(no_rule(unknown.local()));
        }
        let of = |(kind, options): (QName, Vec<tan::ConfigOptions>)| {
            with_type(options, |o| o.rule_type = Some(kind.clone()))
        };
        let chosen = all
            .into_iter()
            .filter(|(k, _)| wanted.is_none_or(|t| t == k));
        Ok(tan::GetRuleOptionsResponse {
            rule_options: chosen.flat_map(of).collect(),
        })
    }

    fn create_rules(&self, request: tan::CreateRules) -> Answer<tan::CreateRulesResponse> {
        check_configuration(&request.configuration_token)?;
        let picture = picture_width(self);
        change(self, REFUSED, |draft| {
            let mut all = request.rule.iter();
            all.try_for_each(|rule| create(draft, rule, picture))
        })?;
        Ok(Default::default())
    }

    fn modify_rules(&self, request: tan::ModifyRules) -> Answer<tan::ModifyRulesResponse> {
        check_configuration(&request.configuration_token)?;
        let picture = picture_width(self);
        change(self, REFUSED, |draft| {
            let mut all = request.rule.iter();
            all.try_for_each(|rule| modify(draft, rule, picture))
        })?;
        Ok(Default::default())
    }

    fn delete_rules(&self, request: tan::DeleteRules) -> Answer<tan::DeleteRulesResponse> {
        check_configuration(&request.configuration_token)?;
        change(self, REFUSED, |draft| {
            let mut all = request.rule_name.iter();
            all.try_for_each(|name| delete(draft, name))
        })?;
        Ok(Default::default())
    }
}
