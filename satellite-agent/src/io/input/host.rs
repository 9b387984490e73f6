//! Load, memory and temperature of this machine, as Linux shows them in `/proc` and `/sys` (proc(5), "Generic Thermal Sysfs
//! driver How To"). What a machine does not have is left out.

use super::{every, reading};
use crate::core::Input;
use marvain_topics::wire::Reading;
use tokio::sync::mpsc;

/// Thermal zones that are looked at.
const ZONES_MAX: usize = 8;

pub(super) async fn measure(interval_s: u64, to: mpsc::Sender<Input>) {
    let mut interval = every(interval_s);
    loop {
        interval.tick().await;
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let mut readings: Vec<Reading> = Vec::new();
        readings.extend(load(&read("/proc/loadavg")));
        readings.extend(memory(&read("/proc/meminfo")));
        let zones = (0..ZONES_MAX).map(|zone| read(&format!("/sys/class/thermal/thermal_zone{zone}/temp")));
        readings.extend(zones.enumerate().filter_map(|(zone, text)| temperature(zone, &text)));
        if readings.is_empty() {
            tracing::warn!("this machine shows neither load nor memory nor temperature");
        } else if to.send(Input::Readings(readings)).await.is_err() {
            return;
        }
    }
}

fn load(text: &str) -> Option<Reading> {
    reading("load_1m", text.split_whitespace().next()?.parse().ok()?, "")
}

fn memory(text: &str) -> Option<Reading> {
    let field = |name: &str| -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
    };
    let (total, available) = (field("MemTotal:")?, field("MemAvailable:")?);
    reading("memory_used", 100.0 * (total - available) / total, "%")
}

fn temperature(zone: usize, text: &str) -> Option<Reading> {
    let milli: f64 = text.trim().parse().ok()?;
    let name = if zone == 0 { "temperature".to_owned() } else { format!("temperature_{zone}") };
    reading(name, milli / 1000.0, "°C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_shows_becomes_readings() {
        let value = |reading: Option<Reading>| reading.map(|r| (r.name, r.value));
        assert_eq!(value(load("0.52 0.58 0.59 1/467 12345\n")), Some(("load_1m".into(), 0.52)));
        let text = "MemTotal:        4000 kB\nMemFree:  1 kB\nMemAvailable:    1000 kB\n";
        assert_eq!(value(memory(text)), Some(("memory_used".into(), 75.0)));
        assert_eq!(value(temperature(1, "48312\n")), Some(("temperature_1".into(), 48.312)));
        for none in [load(""), memory("MemTotal: 0 kB\nMemAvailable: 0 kB\n"), memory("x"), temperature(0, "")] {
            assert_eq!(none, None);
        }
    }
}
