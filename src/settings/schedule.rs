//! When passes are made: cron expressions, time zones, durations.

use std::{str::FromStr, time::Duration};

use chrono::TimeZone;
use croner::parser::{CronParser, Seconds};
use jiff::SignedDuration;

/// As tokio-cron-scheduler 0.15 builds it in `Job::new_async_tz`.
pub(super) fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Required).dom_and_dow(true).build()
}

/// Why a cron expression cannot be used, and what to write instead, or nothing.
pub(super) fn cron_fault(cron: &str) -> Option<(String, String)> {
    const FIELDS: &str = "six fields are needed: second, minute, hour, day of month, month, day of week";
    let fields = cron.split_whitespace().count();
    let schedule = match parser().parse(cron) {
        Ok(schedule) => schedule,
        Err(_) if fields == 5 && parser().parse(&format!("0 {cron}")).is_ok() => {
            return Some((format!("{FIELDS}; this has five"), format!("with the second first: \"0 {cron}\"")));
        }
        Err(error) => {
            let why = error.to_string();
            let why = why.split_once(": ").map_or(why.as_str(), |(_, why)| why).trim_end_matches('.');
            return Some((format!("this is not a schedule: {why}"), format!("{FIELDS}, such as \"0 */10 * * * *\"")));
        }
    };
    // Any day will do to see that there is a next time at all: a 30th of February never comes.
    let any_day = chrono::Utc.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).single()?;
    let next = schedule.find_next_occurrence(&any_day, false);
    next.is_err().then(|| ("this time never comes".to_owned(), "check the day, the month and the weekday".to_owned()))
}

/// What to write instead of a name that no time zone has; nothing for one that exists.
pub(super) fn timezone_help(name: &str) -> Option<String> {
    if chrono_tz::Tz::from_str(name).is_ok() {
        return None;
    }
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase().replace(' ', "_");
    let candidates =
        chrono_tz::TZ_VARIANTS.iter().map(|zone| (strsim::jaro_winkler(&last(name), &last(zone.name())), zone));
    let best = candidates.filter(|(score, _)| *score >= 0.85).max_by(|a, b| a.0.total_cmp(&b.0));
    Some(match best {
        Some((_, zone)) => format!("did you mean {}?", zone.name()),
        None => "write an IANA name, such as Europe/Berlin or UTC".to_owned(),
    })
}

/// A duration such as `30s`, `1m 30s` or `PT90S`, not negative.
///
/// # Errors
/// Why it is none.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().map_err(|_| format!("{text:?} is not a duration"))?;
    Duration::try_from(parsed).map_err(|_| "a duration cannot be negative".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn schedules_have_six_fields_and_a_next_time() {
        for good in ["0 */10 * * * *", "30 0 6 * * MON-FRI", "0 0 0 L * *", "0 0 0 29 2 *", "@hourly"] {
            assert_eq!(cron_fault(good), None, "{good}");
        }
        assert!(cron_fault("*/10 * * * *").unwrap().1.contains("\"0 */10 * * * *\""));
        assert_eq!(cron_fault("0 0 0 30 2 *").unwrap().0, "this time never comes");
        for bad in ["", "0 61 * * * *", "every day", "0 * * * * * * *", "0 0 24 * * *"] {
            assert!(cron_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_scheduler_takes_the_same_expressions() {
        for cron in
            ["0 */10 * * * *", "@hourly", "0 0 0 L * *", "*/10 * * * *", "0 61 * * * *", "0 0 6 * * MON-FRI", ""]
        {
            let run = tokio_cron_scheduler::Job::new_async_tz(cron, chrono_tz::UTC, |_, _| Box::pin(async {}));
            assert_eq!(run.is_ok(), cron_fault(cron).is_none(), "{cron}");
        }
    }

    #[test]
    fn time_zones_are_named_as_in_the_database() {
        assert_eq!(timezone_help("Europe/Berlin"), None);
        assert_eq!(timezone_help("UTC"), None);
        assert_eq!(timezone_help("europe/berlin"), Some("did you mean Europe/Berlin?".to_owned()));
        assert_eq!(timezone_help("Berlin"), Some("did you mean Europe/Berlin?".to_owned()));
        assert!(timezone_help("Xyzzy/Plugh").unwrap().starts_with("write an IANA name"));
    }

    #[test]
    fn durations_are_written_with_their_unit() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("PT90S"), Ok(Duration::from_secs(90)));
        for bad in ["30", "", "-5s", "5 parsecs", "1mo"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
