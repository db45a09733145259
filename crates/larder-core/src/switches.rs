//! Whether a service or a region caches at all, and for which share of its keys.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `LARDER_ENABLED=false` | no service caches (`true`, `1`, `on`, `yes` and their opposites) |
//! | `LARDER_DISABLE=conduit.http,conduit.article` | these regions do not cache; `conduit` alone is the whole service |
//! | `LARDER_PERCENT=conduit.article=25` | a quarter of this region's keys are cached |
//!
//! A name is the service, a dot, and the region (which may hold dots itself). Switches of other
//! services are ignored, so that one environment serves all. Off means that nothing is read from
//! the cache or kept; changes are still published, so that other nodes stay fresh. A share picks
//! the same keys on every node.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::SwitchError;

/// The share of keys that are cached, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u8);

impl Share {
    /// Nothing is cached.
    pub const OFF: Self = Self(0);
    /// Everything is cached.
    pub const ON: Self = Self(100);

    /// Takes a share from 0 to 100 percent; `None` beyond.
    #[inline]
    pub const fn percent(percent: u8) -> Option<Self> {
        if percent <= 100 {
            Some(Self(percent))
        } else {
            None
        }
    }

    /// Returns the share in percent.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Tells whether a key with this hash is in the share.
    #[inline]
    pub(crate) fn admits(self, hash: impl FnOnce() -> u64) -> bool {
        match self.0 {
            100.. => true,
            0 => false,
            percent => hash() % 100 < u64::from(percent),
        }
    }
}

/// The switches of one service; all can be set while it serves.
#[derive(Debug)]
pub struct Switches {
    service: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    service: Option<u8>,
    regions: BTreeMap<String, Setting>,
}

#[derive(Debug)]
struct Setting {
    percent: u8,
    /// What the region looks at; there once it is declared.
    effective: Option<Arc<AtomicU8>>,
    warned: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            percent: 100,
            effective: None,
            warned: false,
        }
    }
}

impl Switches {
    pub(crate) fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            state: Mutex::default(),
        }
    }

    /// Reads the three variables through `read`.
    ///
    /// # Errors
    /// Names the variable and the part of it that cannot be read; nothing is changed.
    pub fn read(&self, read: impl Fn(&str) -> Option<String>) -> Result<(), SwitchError> {
        let mut settings = Vec::new();
        if let Some(value) = read("LARDER_ENABLED").filter(|value| !value.trim().is_empty()) {
            let on = parse_bool("LARDER_ENABLED", &value)?;
            settings.push((String::new(), if on { Share::ON } else { Share::OFF }));
        }
        for part in parts(read("LARDER_PERCENT")) {
            settings.extend(self.parse_percent("LARDER_PERCENT", &part)?);
        }
        for part in parts(read("LARDER_DISABLE")) {
            let region = self.parse_name("LARDER_DISABLE", &part, part.trim())?;
            settings.extend(region.map(|region| (region, Share::OFF)));
        }
        settings
            .iter()
            .for_each(|(region, share)| self.put(region, *share));
        Ok(())
    }

    /// Sets one switch from text: `conduit.article=25`, `conduit=0`.
    ///
    /// # Errors
    /// Names the part that cannot be read; nothing is changed.
    pub fn set(&self, switch: &str) -> Result<(), SwitchError> {
        if let Some((region, share)) = self.parse_percent("switch", switch)? {
            self.put(&region, share);
        }
        Ok(())
    }

    /// Sets the share of keys of all regions together.
    pub fn set_service(&self, share: Share) {
        self.put("", share);
    }

    /// Sets the share of keys of `region`, whether it is declared yet or not.
    ///
    /// # Errors
    /// For an empty name.
    pub fn set_region(&self, region: &str, share: Share) -> Result<(), SwitchError> {
        if region.is_empty() {
            return Err(trouble("set_region", region, "names no region"));
        }
        self.put(region, share);
        Ok(())
    }

    /// Tells whether the service caches at all.
    pub fn enabled(&self) -> bool {
        self.lock().service != Some(0)
    }

    /// Returns the share `region` has, the service's own included.
    pub fn share(&self, region: &str) -> Share {
        let state = self.lock();
        Share(
            state.effective(
                state
                    .regions
                    .get(region)
                    .map_or(100, |setting| setting.percent),
            ),
        )
    }

    /// Returns regions that a switch names and this service has not declared; warns once of each.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let mut state = self.lock();
        let unknown = state
            .regions
            .iter_mut()
            .filter(|(_, setting)| setting.effective.is_none());
        unknown
            .map(|(region, setting)| {
                if !std::mem::replace(&mut setting.warned, true) {
                    tracing::warn!(
                        service = self.service,
                        region,
                        "a switch names an unknown region"
                    );
                }
                region.clone()
            })
            .collect()
    }

    /// Declares a region and returns the percentage it looks at.
    pub(crate) fn declare(&self, region: &str) -> Arc<AtomicU8> {
        let mut state = self.lock();
        let percent = state
            .regions
            .get(region)
            .map_or(100, |setting| setting.percent);
        let percent = state.effective(percent);
        let setting = state.regions.entry(region.to_owned()).or_default();
        Arc::clone(
            setting
                .effective
                .get_or_insert_with(|| Arc::new(AtomicU8::new(percent))),
        )
    }

    fn put(&self, region: &str, share: Share) {
        let mut state = self.lock();
        if region.is_empty() {
            state.service = Some(share.0);
        } else {
            state.regions.entry(region.to_owned()).or_default().percent = share.0;
        }
        for setting in state.regions.values() {
            if let Some(effective) = &setting.effective {
                effective.store(state.effective(setting.percent), Ordering::Relaxed);
            }
        }
    }

    fn parse_percent(
        &self,
        source: &str,
        part: &str,
    ) -> Result<Option<(String, Share)>, SwitchError> {
        let Some((name, value)) = part.split_once('=') else {
            return Err(trouble(
                source,
                part,
                "is not of the form `service.region=percent`",
            ));
        };
        let share = value.trim().parse().ok().and_then(Share::percent);
        let share =
            share.ok_or_else(|| trouble(source, part, "needs a percentage from 0 to 100"))?;
        Ok(self
            .parse_name(source, part, name.trim())?
            .map(|region| (region, share)))
    }

    /// Returns the region, empty for the whole service, or `None` for another service's.
    fn parse_name(
        &self,
        source: &str,
        part: &str,
        name: &str,
    ) -> Result<Option<String>, SwitchError> {
        let (service, region) = name
            .split_once('.')
            .map_or((name, None), |(service, region)| (service, Some(region)));
        if service.is_empty() {
            return Err(trouble(
                source,
                part,
                "names no service: write `service.region`",
            ));
        }
        if region == Some("") {
            return Err(trouble(
                source,
                part,
                "names no region: write `service.region`",
            ));
        }
        Ok((service == self.service).then(|| region.unwrap_or("").to_owned()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A region never has more than its service.
    fn effective(&self, percent: u8) -> u8 {
        percent.min(self.service.unwrap_or(100))
    }
}

fn parts(value: Option<String>) -> Vec<String> {
    let value = value
        .filter(|value| !value.trim().is_empty())
        .unwrap_or_default();
    if value.is_empty() {
        Vec::new()
    } else {
        value.split(',').map(str::to_owned).collect()
    }
}

fn parse_bool(source: &str, value: &str) -> Result<bool, SwitchError> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" => Ok(false),
        _ => Err(trouble(source, value, "is neither `true` nor `false`")),
    }
}

fn trouble(source: &str, part: &str, trouble: &'static str) -> SwitchError {
    SwitchError {
        source_name: source.to_owned(),
        part: part.to_owned(),
        trouble,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Switches, SwitchError> {
        let switches = Switches::new("conduit");
        let find = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        switches.read(find).map(|()| switches)
    }

    #[test]
    fn the_environment_switches_services_and_regions() {
        let switches = read(&[
            ("LARDER_DISABLE", "conduit.http, other.article,conduit.a.b"),
            ("LARDER_PERCENT", "conduit.article=25,other=0"),
        ])
        .unwrap();
        assert_eq!(switches.share("http"), Share::OFF);
        assert_eq!(switches.share("a.b"), Share::OFF);
        assert_eq!(switches.share("article").get(), 25);
        assert_eq!(switches.share("user"), Share::ON);
        assert!(!read(&[("LARDER_ENABLED", "no")]).unwrap().enabled());
        assert!(!read(&[("LARDER_DISABLE", "conduit")]).unwrap().enabled());
        assert!(read(&[("LARDER_ENABLED", "")]).unwrap().enabled());
    }

    #[test]
    fn a_malformed_switch_names_its_variable_and_part() {
        for (variable, value) in [
            ("LARDER_PERCENT", "conduit.article=250"),
            ("LARDER_PERCENT", "conduit.article"),
            ("LARDER_PERCENT", "conduit.article=x"),
            ("LARDER_PERCENT", "=5"),
            ("LARDER_DISABLE", "conduit."),
            ("LARDER_DISABLE", "conduit.http,,"),
            ("LARDER_DISABLE", ".http"),
            ("LARDER_ENABLED", "perhaps"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert_eq!(error.source_name, variable, "{value}");
            assert!(error.to_string().contains(variable), "{error}");
        }
    }

    #[test]
    fn a_malformed_switch_at_run_time_changes_nothing() {
        let switches = read(&[("LARDER_PERCENT", "conduit.article=25")]).unwrap();
        for wrong in ["conduit.article=101", "conduit.article", "", "conduit.=3"] {
            assert!(switches.set(wrong).is_err(), "{wrong}");
        }
        assert_eq!(switches.share("article").get(), 25);
        assert_eq!(switches.set("other.article=3"), Ok(()));
        assert_eq!(switches.share("article").get(), 25);
    }

    #[test]
    fn a_region_never_has_more_than_its_service() {
        let switches = Switches::new("conduit");
        let article = switches.declare("article");
        switches.set("conduit=10").unwrap();
        assert_eq!(article.load(Ordering::Relaxed), 10);
        switches.set("conduit.article=50").unwrap();
        assert_eq!(article.load(Ordering::Relaxed), 10);
        switches.set_service(Share::ON);
        assert_eq!(article.load(Ordering::Relaxed), 50);
    }

    #[test]
    fn a_switch_for_an_undeclared_region_is_unknown_until_it_is_declared() {
        let switches = read(&[("LARDER_DISABLE", "conduit.artikel")]).unwrap();
        switches.declare("article");
        assert_eq!(switches.unknown(), ["artikel"]);
        switches.declare("artikel");
        assert!(switches.unknown().is_empty());
    }
}
