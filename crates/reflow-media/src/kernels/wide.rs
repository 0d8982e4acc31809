//! Kernels compiled for the widest vectors that a processor has.

/// A loop over slices that the compiler turns into vector instructions.
///
/// It is compiled more than once, so `run` and what it calls have to be `#[inline(always)]`, and closures have no place in it: what is
/// not inlined is compiled for any processor. Arrays of a fixed length, rather than slices, let the compiler see the vectors.
pub trait Kernel {
    /// Does the work.
    fn run(self);
}

/// Runs a kernel as it is compiled for AVX2, where the processor has that, or else for any processor. Both give the same.
#[inline]
pub fn widest<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2<K: Kernel>(kernel: K) {
            kernel.run();
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "the compiler cannot know what has been detected")]
            // SAFETY: the processor has AVX2.
            return unsafe { avx2(kernel) };
        }
    }
    kernel.run();
}
