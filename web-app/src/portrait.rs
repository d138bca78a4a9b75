//! A face for every name: a small symmetric pattern and a hue, the same on every page.

/// Cells along one side of a portrait.
pub const SIDE: usize = 5;

/// What a player looks like on the student card and on the map.
#[derive(Debug, PartialEq, Eq)]
pub struct Portrait {
    /// Where on the colour wheel, in degrees.
    pub hue: u16,
    /// The filled cells as an SVG path in a square of [`SIDE`] units.
    pub path: String,
}

impl Portrait {
    /// The portrait that belongs to `name`; names that differ only in case are the same player.
    pub fn of(name: &str) -> Portrait {
        let hash = fnv1a(name);
        let mut path = String::new();
        for y in 0..SIDE {
            for x in 0..SIDE {
                let mirrored = x.min(SIDE - 1 - x);
                let bit = y * SIDE.div_ceil(2) + mirrored;
                if hash >> bit & 1 == 1 {
                    path.push_str(&format!("M{x} {y}h1v1h-1z"));
                }
            }
        }
        Portrait { hue: (hash >> 32) as u16 % 360, path }
    }
}

/// FNV-1a, folded once more so that the low bits depend on all the letters of a short name.
fn fnv1a(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash ^ hash >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_player_always_looks_the_same() {
        assert_eq!(Portrait::of("Ada"), Portrait::of("aDA"));
        assert_ne!(Portrait::of("ada"), Portrait::of("adb"));
    }

    #[test]
    fn portraits_are_symmetric_and_inside_the_square() {
        for name in ["ada", "grace", "x", "a-much-longer_name-00001"] {
            let Portrait { hue, path } = Portrait::of(name);
            assert!(hue < 360);
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let cell = |x: usize| path.contains(&format!("M{x} {y}h"));
                    assert_eq!(cell(x), cell(SIDE - 1 - x), "{name} at {x},{y}");
                }
            }
        }
    }
}
