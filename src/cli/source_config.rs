//! From the settings to the sources of a run: where each fact is read.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::settings::{Location, Settings, SettingsError, place as named, zone_named};
use crate::diagnostic::Diagnostic;
use crate::model::ids::ChangeId;
use crate::run::private::PrivateFolder;
use crate::sources::configured::{ChangeManagement, ConfiguredSources, change_named};
use crate::sources::fetch::{FetchLimits, Fetcher, is_safe};
use crate::sources::icalendar::ZoneNames;
use crate::sources::places::{FreezePlaces, GatePlaces, KeyPlaces};
use crate::sources::servicenow::{ServiceNow, mapping_file};

/// Longest time for reading all sources, in seconds.
const LONGEST_S: u64 = 600;

/// Where a record and what gates it are read from.
///
/// # Errors
///
/// [`SettingsError`]: something is not set, or set wrongly.
pub fn sources(settings: &Settings, record: &Path) -> Result<ConfiguredSources, SettingsError> {
    let gates = gates(settings)?;
    let fetcher = if gates.addresses.is_empty() {
        None
    } else {
        Some(Fetcher::new("the freeze calendar", FetchLimits::default(), None).map_err(SettingsError::File)?)
    };
    let change_management = change_named(record).map(|change| change_management(settings, change)).transpose()?;
    if !(1..=LONGEST_S).contains(&settings.sources_s) {
        return Err(SettingsError::Value(format!("sources_s: {} is not from 1 to {LONGEST_S}", settings.sources_s)));
    }
    let within = Duration::from_secs(settings.sources_s);
    Ok(ConfiguredSources { record: record.to_owned(), gates, change_management, fetcher, within })
}

/// Where what gates a record is read from.
///
/// # Errors
///
/// [`SettingsError`]: something is not set, or set wrongly.
pub fn gates(settings: &Settings) -> Result<GatePlaces, SettingsError> {
    let (mut calendars, mut addresses) = (Vec::new(), Vec::new());
    for place in settings.calendars()? {
        match named(place) {
            Location::File => calendars.push(place.clone()),
            Location::Address(url) if is_safe(&url) => addresses.push(url),
            Location::Address(_) | Location::NoAddress => {
                let help = "name one by https, without a name or password in it";
                let message = "calendar: this address is not safe to read from";
                return Err(SettingsError::Value(format!("{message}\n  = help: {help}")));
            }
        }
    }
    let alias = |(name, zone): (&String, &String)| Ok((name.clone(), zone_named("zone_names", zone)?));
    let zones = ZoneNames {
        aliases: settings.zone_names.iter().map(alias).collect::<Result<_, SettingsError>>()?,
        default: settings.calendar_zone.as_deref().map(|name| zone_named("calendar_zone", name)).transpose()?,
    };
    for (key, needs, lacking) in [
        ("revoked_keys", "allowed_signers", settings.allowed_signers.is_none() && settings.revoked_keys.is_some()),
        ("release_override", "freeze_state", settings.freeze_state.is_none() && settings.release_override.is_some()),
    ] {
        if lacking {
            return Err(SettingsError::Value(format!("{key} is set, and {needs} is not\n  = help: set both")));
        }
    }
    let freeze_mode = settings
        .freeze_state
        .as_ref()
        .map(|state| FreezePlaces { state: state.clone(), release_override: settings.release_override.clone() });
    let keys = match &settings.allowed_signers {
        None => None,
        Some(allowed_signers) => Some(KeyPlaces {
            allowed_signers: allowed_signers.clone(),
            revoked_keys: settings.revoked_keys.clone(),
            zone: settings.zone()?,
        }),
    };
    Ok(GatePlaces {
        calendars,
        addresses,
        zones,
        delegates: settings.delegates.clone(),
        holds: settings.holds.clone(),
        ownership: settings.ownership.clone(),
        freeze_mode,
        keys,
    })
}

fn change_management(settings: &Settings, change: &str) -> Result<ChangeManagement, SettingsError> {
    let help = "set `change_management` in portal-agent.toml to a mapping file, or name the record's file";
    let mapping = settings.change_management.as_deref();
    let mapping = mapping.ok_or(SettingsError::Missing { key: "change_management", help })?;
    let mapping = mapping_file::read(mapping).map_err(SettingsError::File)?;
    let change = ChangeId::parse(change).map_err(|error| SettingsError::Value(format!("change:{change}: {error}")))?;
    let whole = |what: String| SettingsError::File(Diagnostic::whole(&std::env::temp_dir(), what, "set TMPDIR"));
    let folder = PrivateFolder::new().map_err(|error| whole(format!("cannot make a private folder: {error}")))?;
    let secret = settings.change_management_secret()?;
    let service = ServiceNow::new(mapping, secret, folder.path().to_owned()).map_err(SettingsError::File)?;
    Ok(ChangeManagement { service: Arc::new(service), change, keeps: Arc::new(folder) })
}
