//! `docs/reference/profiles.md` against what the device announces and serves, and the claims in the scopes.

mod common;

use std::{collections::BTreeMap, path::Path};

use common::{ADMIN, Bench};
use onvif_contracts::tds;
use platecam_model::testing::of_model;

const DEVICE: &str = "/onvif/device_service";
const SCOPE: &str = "onvif://www.onvif.org/Profile/";

/// A row of the page.
struct Row {
    profile: String,
    function: String,
    mandatory: bool,
    proofs: Vec<String>,
    here: String,
}

fn rows() -> Vec<Row> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/profiles.md");
    let mut profile = String::new();
    let mut rows = Vec::new();
    for line in std::fs::read_to_string(page).unwrap().lines() {
        if let Some(name) = line.strip_prefix("## Profile ") {
            profile = name.to_owned();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", function, level @ ("M" | "C"), proofs, here, ""] = cells[..] {
            rows.push(Row {
                profile: profile.clone(),
                function: function.to_owned(),
                mandatory: level == "M",
                proofs: proofs
                    .split('`')
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect(),
                here: here.to_owned(),
            });
        }
    }
    rows
}

/// What a device says of itself.
struct Told {
    operations: Vec<String>,
    topics: String,
    capabilities: BTreeMap<&'static str, String>,
    rules: String,
    samples: String,
}

impl Told {
    async fn by(bench: &Bench) -> Self {
        let of = async |body: &str| bench.call(DEVICE, body, ADMIN).await.text().to_owned();
        let mut capabilities = BTreeMap::new();
        for prefix in ["tds", "trt", "tr2", "timg", "tev", "tmd", "tan"] {
            let ns = match prefix {
                "timg" => " xmlns:timg=\"http://www.onvif.org/ver20/imaging/wsdl\"",
                _ => "",
            };
            let body = format!("<{prefix}:GetServiceCapabilities{ns}/>");
            capabilities.insert(prefix, of(&body).await);
        }
        Self {
            operations: platecam_onvif::served()
                .iter()
                .map(|op| format!("{}:{}", op.ns.prefix(), op.name))
                .collect(),
            topics: of("<tev:GetEventProperties/>").await,
            capabilities,
            rules: of("<tan:GetSupportedRules><tan:ConfigurationToken>analytics_1</tan:ConfigurationToken></tan:GetSupportedRules>").await,
            samples: of("<tan:GetSupportedMetadata/>").await,
        }
    }

    /// Whether a topic is in the topic set: its steps are elements in each other.
    fn topic(&self, path: &str) -> bool {
        let mut rest = self.topics.as_str();
        for (i, step) in path.split('/').enumerate() {
            let name = if i == 0 {
                format!("<tns1:{step}")
            } else {
                format!("<{step}")
            };
            let at = rest.match_indices(&name).find(|(at, n)| {
                let next = rest.as_bytes().get(at + n.len());
                next.is_some_and(|b| !b.is_ascii_alphanumeric())
            });
            let Some((at, _)) = at else { return false };
            rest = &rest[at + name.len()..];
        }
        true
    }

    /// Whether a proof of the page holds; `None` for a case of the runner, which is not run here.
    fn holds(&self, proof: &str) -> Option<bool> {
        if let Some(topic) = proof.strip_prefix("tns1:") {
            return Some(self.topic(topic));
        }
        let (word, rest) = proof.split_once(' ').unwrap_or((proof, ""));
        match word {
            "case" => None,
            "rule" => Some(self.rules.contains(&format!("Name=\"tt:{rest}\""))),
            "sample" => Some(self.samples.contains(&format!("<tt:{rest}>"))),
            _ if rest.is_empty() => Some(self.operations.iter().any(|op| op == proof)),
            prefix => {
                let all = self.capabilities.get(prefix);
                let all = all.unwrap_or_else(|| panic!("{proof}: no service {prefix}"));
                Some(all.contains(&format!(" {rest}")))
            }
        }
    }
}

/// A unit whose network may be changed, as the camera found out.
fn installed(bench: Bench) -> Bench {
    bench.test.device.serve_network();
    bench
}

async fn claimed(bench: &Bench) -> Vec<String> {
    let answer = bench.call(DEVICE, "<tds:GetScopes/>", ADMIN).await;
    let scopes: tds::GetScopesResponse = answer.read();
    let names = scopes
        .scopes
        .iter()
        .map(|s| s.scope_item.strip_prefix(SCOPE));
    names.flatten().map(str::to_owned).collect()
}

/// Each row is true, and the profiles without a gap are claimed, no others.
#[tokio::test]
async fn the_page_is_what_the_device_has() {
    let bench = installed(Bench::new());
    let told = Told::by(&bench).await;
    let rows = rows();
    let mut whole: BTreeMap<&str, bool> = BTreeMap::new();
    for row in &rows {
        let name = format!("{}, {}", row.profile, row.function);
        let judged: Vec<(&String, bool)> = row
            .proofs
            .iter()
            .filter_map(|p| Some((p, told.holds(p)?)))
            .collect();
        let false_ones: Vec<&str> = judged
            .iter()
            .filter(|(_, holds)| !holds)
            .map(|(p, _)| p.as_str())
            .collect();
        assert!(!row.proofs.is_empty(), "{name}: nothing proves it");
        match row.here.as_str() {
            "yes" => assert!(false_ones.is_empty(), "{name}: {false_ones:?} is not here"),
            "-" => {
                assert!(!row.mandatory, "{name}: is asked of every device");
                assert_eq!(false_ones.len(), judged.len(), "{name}: some of it is here");
            }
            no => {
                assert!(no.starts_with("no: "), "{name}: {no:?}");
                assert!(
                    !false_ones.is_empty() || judged.is_empty(),
                    "{name}: is all here, the page says {no:?}"
                );
            }
        }
        *whole.entry(&row.profile).or_insert(true) &= !row.here.starts_with("no");
    }
    let due: Vec<String> = [("S", "Streaming"), ("T", "T"), ("M", "M")]
        .into_iter()
        .filter(|(letter, _)| whole[letter])
        .map(|(_, name)| name.to_owned())
        .collect();
    assert_eq!(claimed(&bench).await, due);
}

/// The page names every operation that the profiles ask for by name: rows are not lost.
#[test]
fn the_page_is_whole() {
    let rows = rows();
    for (profile, mandatory, operations) in [("S", 14, 66), ("T", 19, 60), ("M", 10, 20)] {
        let own = || rows.iter().filter(|r| r.profile == profile && r.mandatory);
        assert_eq!(own().count(), mandatory, "rows of {profile}");
        let mut named: Vec<&String> = own().flat_map(|r| &r.proofs).collect();
        named.retain(|p| !p.contains(' ') && !p.starts_with("tns1:"));
        named.sort();
        named.dedup();
        assert!(
            named.len() >= operations,
            "{profile}: {} operations",
            named.len()
        );
    }
}

/// Profiles S and T configure the network: where the camera may not, it does not claim them.
#[tokio::test]
async fn who_may_not_configure_the_network_claims_metadata_alone() {
    assert_eq!(claimed(&Bench::new()).await, ["M"]);
}

/// GEN-24: a model that lacks what a profile asks for does not claim it.
#[tokio::test]
async fn models_claim_what_they_have() {
    for (without, names) in [
        ("", &["Streaming", "T", "M"][..]),
        ("\"media1\"", &["T", "M"]),
        ("\"picture-settings\"", &["Streaming", "M"]),
        ("\"picture-alarms\"", &["Streaming", "M"]),
        ("\"video-texts\"", &["Streaming", "M"]),
        ("\"media1\", \"video-texts\"", &["M"]),
    ] {
        let file = format!(r#"{{"model": "Small", "without": [{without}]}}"#);
        let bench = installed(Bench::over(of_model(&file)));
        assert_eq!(claimed(&bench).await, names, "{without}");
    }
}
