//! Macros for generated code: what would be the same lines for every type, and tables.

/// The members of an object type: a row each, with type, features and the first paragraph of the
/// documentation.
#[macro_export]
macro_rules! members {
    ($(
        $(#[$meta:meta])*
        $kind:ident $name:literal: $ty:literal
        $([$($(#[$when:meta])* $feature:literal),*])? $(, $doc:literal)?;
    )*) => {
        &[$(
            $(#[$meta])*
            $crate::MemberInfo::$kind($name, $ty, concat!($($doc)?))
                .with_features(&[$($($(#[$when])* $feature),*)?])
        ),*]
    };
}

/// The branches of a union that have members: the discriminator's value and the type.
#[macro_export]
macro_rules! variants {
    ($($(#[$meta:meta])* $case:literal: $ty:ty;)*) => {
        &[$(
            $(#[$meta])*
            $crate::VariantInfo { case: $case, object: <$ty as $crate::Object>::INFO }
        ),*]
    };
}

/// Reading, writing, parsing and printing for a type that implements [`Enum`](crate::Enum).
#[macro_export]
macro_rules! enum_on_the_wire {
    ($name:ident) => {
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownValue;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownValue> {
                $crate::parse_enum(text)
            }
        }

        impl $crate::Decode for $name {
            fn decode(
                value: &$crate::Value,
                at: &$crate::Path<'_>,
                mode: $crate::Mode,
            ) -> Result<Self, $crate::QmpError> {
                $crate::decode_enum(value, at, mode)
            }
        }

        impl $crate::Encode for $name {
            fn encode_under(&self, _policy: $crate::Policy) -> $crate::Value {
                $crate::Value::from(self.as_str())
            }
        }
    };
}

/// The same for a type that implements [`OpenEnum`](crate::OpenEnum), of which every text is a
/// value.
#[macro_export]
macro_rules! open_enum_on_the_wire {
    ($name:ident) => {
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                $crate::OpenEnum::named(name)
            }
        }

        impl $crate::Decode for $name {
            fn decode(
                value: &$crate::Value,
                at: &$crate::Path<'_>,
                _mode: $crate::Mode,
            ) -> Result<Self, $crate::QmpError> {
                $crate::decode_open_enum(value, at)
            }
        }

        impl $crate::Encode for $name {
            fn encode_under(&self, _policy: $crate::Policy) -> $crate::Value {
                $crate::Value::from(self.as_str())
            }
        }
    };
}

/// Reading and writing for a struct around one value, which is all that is on the wire.
#[macro_export]
macro_rules! around_on_the_wire {
    ($name:ident) => {
        impl $crate::Decode for $name {
            fn decode(
                value: &$crate::Value,
                at: &$crate::Path<'_>,
                mode: $crate::Mode,
            ) -> Result<Self, $crate::QmpError> {
                $crate::Decode::decode(value, at, mode).map(Self)
            }
        }

        impl $crate::Encode for $name {
            fn encode_under(&self, policy: $crate::Policy) -> $crate::Value {
                $crate::Encode::encode_under(&self.0, policy)
            }
        }
    };
}

/// Writing for a request without arguments.
#[macro_export]
macro_rules! unit_on_the_wire {
    ($name:ident) => {
        impl $crate::Encode for $name {
            fn encode_under(&self, _policy: $crate::Policy) -> $crate::Value {
                $crate::Value::Object($crate::Map::new())
            }
        }
    };
}

/// The function that finds a command by its name: a row a command, with its name on the wire, the
/// static that describes it, how it runs, the method, what the method is given and what becomes of
/// what it returns; the last two are methods of [`Invocation`](crate::Invocation).
#[macro_export]
macro_rules! dispatch {
    (
        $(#[$doc:meta])*
        pub fn $find:ident($commands:ident, $shared:ident);
        $(
            $(#[$meta:meta])*
            $name:literal => $info:ident, $kind:ident $method:ident($($given:ident)?) $reply:ident;
        )*
    ) => {
        $(#[$doc])*
        #[allow(deprecated, reason = "what is deprecated is still there")]
        pub fn $find<C, S>(name: &str) -> Option<$crate::CommandEntry<C, S>>
        where
            C: $commands + ?Sized,
            S: $shared + ?Sized,
        {
            let (info, run): (&'static $crate::CommandInfo, $crate::Handler<C, S>) = match name {
                $(
                    $(#[$meta])*
                    $name => (&$info, $crate::dispatch!(@ $kind $reply $method $($given)?)),
                )*
                _ => return None,
            };
            Some($crate::CommandEntry { info, run })
        }
    };
    (@ in_band $($call:tt)*) => {
        $crate::Handler::InBand(|on, call| $crate::dispatch!(@call on call $($call)*))
    };
    (@ out_of_band $($call:tt)*) => {
        $crate::Handler::OutOfBand(|on, call| $crate::dispatch!(@call on call $($call)*))
    };
    (@ coroutine $reply:ident $method:ident) => {
        $crate::Handler::Coroutine(|on, call| {
            Box::pin(async move {
                call.nothing()?;
                call.$reply(on.$method().await?)
            })
        })
    };
    (@ coroutine $reply:ident $method:ident $given:ident) => {
        $crate::Handler::Coroutine(|on, call| {
            Box::pin(async move {
                let given = call.$given()?;
                call.$reply(on.$method(given).await?)
            })
        })
    };
    (@call $on:ident $call:ident $reply:ident $method:ident) => {{
        $call.nothing()?;
        $call.$reply($on.$method()?)
    }};
    (@call $on:ident $call:ident $reply:ident $method:ident $given:ident) => {{
        let given = $call.$given()?;
        $call.$reply($on.$method(given)?)
    }};
}
