//! A shared library of the operating system. It is never unloaded: its code may be anywhere.

use std::path::Path;

pub(super) struct Library(sys::Handle);

impl Library {
    /// Loads a library; its own words when that fails. The path is absolute, so that no search path is asked.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        sys::open(path).map(Self)
    }

    /// The address of an exported function.
    pub(super) fn symbol(&self, name: &str) -> Option<*const ()> {
        sys::symbol(self.0, name)
    }
}

#[cfg(unix)]
mod sys {
    use std::ffi::{CStr, CString, c_void};
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    pub(super) type Handle = *mut c_void;

    pub(super) fn open(path: &Path) -> Result<Handle, String> {
        let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| "its path holds a zero byte".to_string())?;
        // SAFETY: the path is terminated. Initialisers of the library run here, which loading it means.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if !handle.is_null() {
            return Ok(handle);
        }
        // SAFETY: after a failure this is null or a text that is valid until the next call on this thread.
        let words = unsafe {
            let words = libc::dlerror();
            if words.is_null() { None } else { Some(CStr::from_ptr(words).to_string_lossy().into_owned()) }
        };
        Err(words.unwrap_or_else(|| "the operating system does not say why".into()))
    }

    pub(super) fn symbol(library: Handle, name: &str) -> Option<*const ()> {
        let name = CString::new(name).ok()?;
        // SAFETY: the handle is a loaded library and the name is terminated.
        let address = unsafe { libc::dlsym(library, name.as_ptr()) };
        (!address.is_null()).then_some(address.cast_const().cast())
    }
}

#[cfg(windows)]
mod sys {
    use std::ffi::CString;
    use std::os::windows::ffi::OsStrExt;
    use std::path::Path;

    use windows_sys::Win32::Foundation::HMODULE;
    use windows_sys::Win32::System::LibraryLoader::{
        GetProcAddress, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, LoadLibraryExW,
    };

    pub(super) type Handle = HMODULE;

    pub(super) fn open(path: &Path) -> Result<Handle, String> {
        let wide: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
        let flags = LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR;
        // SAFETY: the path is terminated. Initialisers of the library run here, which loading it means.
        let handle = unsafe { LoadLibraryExW(wide.as_ptr(), std::ptr::null_mut(), flags) };
        if handle.is_null() { Err(std::io::Error::last_os_error().to_string()) } else { Ok(handle) }
    }

    pub(super) fn symbol(library: Handle, name: &str) -> Option<*const ()> {
        let name = CString::new(name).ok()?;
        // SAFETY: the handle is a loaded library and the name is terminated.
        unsafe { GetProcAddress(library, name.as_ptr().cast()) }.map(|address| address as *const ())
    }
}
