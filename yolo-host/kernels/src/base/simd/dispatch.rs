//! How a kernel is compiled for every instruction set, and the one for this processor is called.
//!
//! A kernel is a function that is generic over [`Simd`](super::Simd) and `#[inline(always)]`, as is all that it calls: so it
//! is inlined into one function per set that has the set's `#[target_feature]`s, and compiled with them. Its arguments
//! stay arguments of that function: packed into a closure or a struct, slices would no longer be known not to overlap.

/// `dispatch!(isa, kernel(a: A, b: B))` calls `kernel::<S>(a, b)` with the vectors of an instruction set, in a function compiled
/// for it. `kernel` may have generics of its own behind `S`: `kernel<T: Bound>(a: A)`. A result has its type behind `->`.
macro_rules! dispatch {
    ($isa:expr, $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($arg:ident: $type:ty),* $(,)?) $(-> $output:ty)?) => {
        $crate::base::simd::instruction_sets!([$crate::base::simd::dispatch_among]
            ($isa) ($kernel) ($($($generic: $bound),*)?) ($($arg: $type),*) ($($output)?))
    };
}
pub(crate) use dispatch;

/// [`dispatch`] with the table of sets: an arm for each, and the portable vectors for every other one.
macro_rules! dispatch_among {
    (
        { $($(#[$doc:meta])* $set:ident $name:literal on $arch:literal with $features:tt)* }
        ($isa:expr) $kernel:tt $generics:tt $args:tt $output:tt
    ) => {
        match $isa {
            $(
                #[cfg(target_arch = $arch)]
                $crate::base::Isa::$set => $crate::base::simd::enter!(
                    $crate::base::simd::$set, $features, $kernel $generics $args $output),
            )*
            _ => $crate::base::simd::enter!(
                $crate::base::simd::Portable, [], $kernel $generics $args $output),
        }
    };
}
pub(crate) use dispatch_among;

/// One call of [`dispatch`]: the function with the features of a set, around the inlined kernel.
macro_rules! enter {
    (
        $set:ty, [$($feature:literal),*],
        ($kernel:ident) ($($generic:ident: $bound:path),*) ($($arg:ident: $type:ty),*) ($($output:ty)?)
    ) => {{
        $(#[target_feature(enable = $feature)])*
        #[allow(clippy::too_many_arguments)]
        unsafe fn run<$($generic: $bound),*>($($arg: $type),*) $(-> $output)? {
            // SAFETY: what the kernel asks for is promised where it is dispatched; its instructions are there.
            unsafe { $kernel::<$set, $($generic),*>($($arg),*) }
        }
        // SAFETY: kernels are made only for sets that this processor has, by `isa` or `Isa::required`.
        unsafe { run($($arg),*) }
    }};
}
pub(crate) use enter;

/// Defines functions of plain loops that the compiler vectorises for every instruction set; each call runs the one in use.
macro_rules! vectorised {
    ($(
        $(#[$doc:meta])*
        $vis:vis fn $name:ident $(<$($generic:ident: $bound:path),*>)? ($($arg:ident: $type:ty),* $(,)?) $body:block
    )*) => {
        $(
            $(#[$doc])*
            #[allow(clippy::too_many_arguments)]
            $vis fn $name $(<$($generic: $bound),*>)? ($($arg: $type),*) {
                #[inline(always)]
                #[allow(clippy::too_many_arguments)]
                unsafe fn body<Set: $crate::base::simd::Simd, $($($generic: $bound),*)?>($($arg: $type),*) $body
                $crate::base::simd::dispatch!(
                    $crate::base::isa(), body $(<$($generic: $bound),*>)? ($($arg: $type),*))
            }
        )*
    };
}
pub(crate) use vectorised;
