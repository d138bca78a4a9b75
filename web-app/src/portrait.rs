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
        let hash = hash(name);
        let mut path = String::new();
        for y in 0..SIDE {
            for x in 0..SIDE {
                let mirrored = x.min(SIDE - 1 - x);
                let cell = y * SIDE.div_ceil(2) + mirrored;
                // Three bits a cell, of which five values in eight fill it: half full would look like dust.
                if hash >> (cell * 3) & 0b111 > 2 {
                    path.push_str(&format!("M{x} {y}h1v1h-1z"));
                }
            }
        }
        // The cells take 45 bits; a prime number of degrees apart, the rest goes round the whole wheel.
        let hue = (hash >> 45) * 137 % 360;
        Portrait { hue: u16::try_from(hue).expect("less than 360"), path }
    }
}

/// FNV-1a over the letters, then stirred as in splitmix64: alike names shall not look alike.
fn hash(name: &str) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let stirred = (fnv ^ fnv >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let stirred = (stirred ^ stirred >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    stirred ^ stirred >> 31
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
            assert!(path.matches('M').count() > 5, "{name} is hardly there");
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let cell = |x: usize| path.contains(&format!("M{x} {y}h"));
                    assert_eq!(cell(x), cell(SIDE - 1 - x), "{name} at {x},{y}");
                }
            }
        }
    }
}
