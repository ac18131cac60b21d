//! A section is written down once: fields, defaults and, from the fields' documentation, the documented keys.

/// Makes of each `name: Type { field: Type = default, .. }` a struct with these defaults, of all of them `Config`, and of
/// the fields' documentation [`Config::KEYS`](super::Config::KEYS).
macro_rules! sections {
    ($(
        $(#[doc = $about:literal])+
        $section:ident: $Section:ident {
            $(
                $(#[doc = $meaning:literal])+
                $(#[serde($($serde:tt)+)])?
                $key:ident: $type:ty = $default:expr,
            )+
        }
    )+) => {
        /// Everything that can be configured.
        #[derive(Debug, Clone, Default, ::serde::Deserialize, ::serde::Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $about])+ pub $section: $Section,)+
        }

        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, ::serde::Deserialize, ::serde::Serialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $Section {
                $(
                    $(#[doc = $meaning])+
                    $(#[serde($($serde)+)])?
                    pub $key: $type,
                )+
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $($key: $default,)+ }
                }
            }
        )+

        impl Config {
            /// Every section, and what it is about.
            pub const SECTIONS: &[(&str, &str)] = &[$((stringify!($section), concat!($($about),+)),)+];

            /// Every key, in the order of the sections.
            pub const KEYS: &[Key] = &[$($(Key {
                section: stringify!($section),
                name: stringify!($key),
                meaning: concat!($($meaning),+),
            },)+)+];
        }
    };
}
