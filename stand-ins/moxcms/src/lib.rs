//! A stand-in for the crate of this name, which `[patch.crates-io]` puts in its place.
//!
//! image takes it to bring pictures from one colour space into another, which nothing here asks for: photos that go out are turned
//! and written anew in the colours that they have. The real one and what it brings along are some of the largest crates that a
//! build compiles. This one names the colour spaces, knows how much of the light each of their colours carries (image asks for that
//! where it makes greys), and has no way from one to another: image answers that it knows none.

use std::sync::Arc;

/// A point of the CIE 1931 diagram.
#[derive(Clone, Copy, Debug)]
pub struct Chromaticity {
    x: f32,
    y: f32,
}

impl Chromaticity {
    pub const D65: Self = Self::new(0.3127, 0.3290);

    #[must_use]
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    const fn xyz(self) -> [f32; 3] {
        [self.x, self.y, 1.0 - self.x - self.y]
    }
}

/// The red, green and blue of a colour space (ITU-T H.273, table 2).
#[derive(Clone, Copy, Debug)]
pub struct ColorPrimaries([Chromaticity; 3]);

impl ColorPrimaries {
    pub const BT_470BG: Self = Self::of([(0.64, 0.33), (0.29, 0.60), (0.15, 0.06)]);
    pub const BT_470M: Self = Self::of([(0.67, 0.33), (0.21, 0.71), (0.14, 0.08)]);
    pub const BT_601: Self = Self::of([(0.630, 0.340), (0.310, 0.595), (0.155, 0.070)]);
    pub const BT_709: Self = Self::of([(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)]);
    pub const BT_2020: Self = Self::of([(0.708, 0.292), (0.170, 0.797), (0.131, 0.046)]);
    pub const DISPLAY_P3: Self = Self::of([(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)]);
    pub const EBU_3213: Self = Self::of([(0.630, 0.340), (0.295, 0.605), (0.155, 0.077)]);
    pub const GENERIC_FILM: Self = Self::of([(0.681, 0.319), (0.243, 0.692), (0.145, 0.049)]);
    pub const SMPTE_240: Self = Self::BT_601;
    pub const XYZ: Self = Self::of([(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)]);

    const fn of([red, green, blue]: [(f32, f32); 3]) -> Self {
        Self([
            Chromaticity::new(red.0, red.1),
            Chromaticity::new(green.0, green.1),
            Chromaticity::new(blue.0, blue.1),
        ])
    }

    /// What each of the three adds to X, Y and Z, so that all of them together are this white.
    #[must_use]
    pub fn transform_to_xyz(self, white: Chromaticity) -> Matrix3f {
        let [red, green, blue] = self.0.map(Chromaticity::xyz);
        let white = white.xyz().map(|part| part / white.y);
        let all = determinant(red, green, blue);
        // How much of each makes the white (Cramer).
        let shares = [
            determinant(white, green, blue) / all,
            determinant(red, white, blue) / all,
            determinant(red, green, white) / all,
        ];
        let row = |at: usize| {
            let part = |colour: [f32; 3], share: f32| colour[at] * share;
            [
                part(red, shares[0]),
                part(green, shares[1]),
                part(blue, shares[2]),
            ]
        };
        Matrix3f {
            v: [row(0), row(1), row(2)],
        }
    }
}

/// Of the matrix with these columns.
fn determinant(a: [f32; 3], b: [f32; 3], c: [f32; 3]) -> f32 {
    a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1])
        + c[0] * (a[1] * b[2] - a[2] * b[1])
}

/// By rows.
#[derive(Clone, Copy, Debug)]
pub struct Matrix3f {
    pub v: [[f32; 3]; 3],
}

/// ITU-T H.273, table 2, by name.
#[derive(Clone, Copy, Debug)]
pub enum CicpColorPrimaries {
    Bt709,
    Unspecified,
    Bt470M,
    Bt470Bg,
    Bt601,
    Smpte240,
    GenericFilm,
    Bt2020,
    Xyz,
    Smpte431,
    Smpte432,
    Ebu3213,
}

/// ITU-T H.273, table 3.
#[derive(Clone, Copy, Debug)]
pub enum TransferCharacteristics {
    Bt709,
    Unspecified,
    Bt470M,
    Bt470Bg,
    Bt601,
    Smpte240,
    Linear,
    Log100,
    Log100sqrt10,
    Iec61966,
    Bt1361,
    Srgb,
    Bt202010bit,
    Bt202012bit,
    Smpte2084,
    Smpte428,
    Hlg,
}

/// ITU-T H.273, table 4.
#[derive(Clone, Copy, Debug)]
pub enum MatrixCoefficients {
    Identity,
    Bt709,
    Unspecified,
    Fcc,
    Bt470Bg,
    Smpte170m,
    Smpte240m,
    YCgCo,
    Bt2020Ncl,
    Bt2020Cl,
    Smpte2085,
    ChromaticityDerivedNCL,
    ChromaticityDerivedCL,
    ICtCp,
}

/// How a picture says what its colours are.
#[derive(Clone, Copy, Debug)]
pub struct CicpProfile {
    pub color_primaries: CicpColorPrimaries,
    pub transfer_characteristics: TransferCharacteristics,
    pub matrix_coefficients: MatrixCoefficients,
    pub full_range: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Layout {
    Rgb,
    Rgba,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct TransformOptions;

/// There is no way from one colour space to another.
#[derive(Clone, Copy, Debug)]
pub struct NoWay;

/// A way from one colour space to another; nothing has one.
pub trait TransformExecutor<V> {
    /// # Errors
    /// As the real one's.
    fn transform(&self, from: &[V], to: &mut [V]) -> Result<(), NoWay>;
}

/// What a way would be made of.
pub type Transform<V> = Arc<dyn TransformExecutor<V> + Send + Sync>;

/// A colour space, of which nothing is kept.
#[derive(Clone, Copy, Debug)]
pub struct ColorProfile(());

impl ColorProfile {
    #[must_use]
    pub const fn new_srgb() -> Self {
        Self(())
    }

    pub const fn update_rgb_colorimetry_from_cicp(&mut self, _: CicpProfile) {}

    /// # Errors
    /// Always.
    pub const fn create_transform_8bit(
        &self,
        _: Layout,
        _: &Self,
        _: Layout,
        _: TransformOptions,
    ) -> Result<Transform<u8>, NoWay> {
        Err(NoWay)
    }

    /// # Errors
    /// Always.
    pub const fn create_transform_16bit(
        &self,
        _: Layout,
        _: &Self,
        _: Layout,
        _: TransformOptions,
    ) -> Result<Transform<u16>, NoWay> {
        Err(NoWay)
    }

    /// # Errors
    /// Always.
    pub const fn create_transform_f32(
        &self,
        _: Layout,
        _: &Self,
        _: Layout,
        _: TransformOptions,
    ) -> Result<Transform<f32>, NoWay> {
        Err(NoWay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects greys: the light of the three colours is shared as the standards of television write it.
    #[test]
    fn each_colour_carries_its_part_of_the_light() {
        for (colours, shares) in [
            (ColorPrimaries::BT_709, [0.2126, 0.7152, 0.0722]),
            (ColorPrimaries::BT_2020, [0.2627, 0.6780, 0.0593]),
        ] {
            let light = colours.transform_to_xyz(Chromaticity::D65).v[1];
            for (got, wanted) in light.into_iter().zip(shares) {
                assert!((got - wanted).abs() < 1e-4, "{light:?}");
            }
        }
    }
}
