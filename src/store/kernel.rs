//! What the kernel keeps for this user between `unlock` and `lock`: bytes under a name, in memory
//! that is never swapped, for some time and no longer. The key lies in the user's keyring, which a
//! terminal, cron and a systemd unit of the same user reach alike, and its permissions are the
//! possessor's alone. Nothing is written to a file. Specified in poste(1), unlock; keyrings(7).

use linux_keyutils::{KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};
use zeroize::Zeroizing;

/// Bytes kept under one name at most: two keys, the larger one of the hybrid kind.
const LIMIT: usize = 8 << 10;

/// Who keeps secrets outside of this process.
pub trait Keeper {
    /// Keeps a secret for so many seconds, in place of what had the name.
    fn keep(&self, name: &str, secret: &[u8], seconds: u64) -> Result<(), CannotKeep>;
    /// The secret, if it is still kept.
    fn kept(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, CannotKeep>;
    /// Destroys it; whether it was still kept.
    fn forget(&self, name: &str) -> Result<bool, CannotKeep>;
}

/// Why nothing can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotKeep {
    /// The system's rules forbid it, as those of many containers do.
    #[error("this system does not let one use it, as many containers do not")]
    Forbidden,
    /// The kernel was built without keyrings.
    #[error("this kernel has none")]
    Missing,
    /// The user's share of it is used up.
    #[error("the user's share of it is used up; /proc/key-users shows it")]
    Quota,
    /// It failed in another way.
    #[error("it failed: {0:?}")]
    Other(KeyError),
}

impl From<KeyError> for CannotKeep {
    fn from(error: KeyError) -> CannotKeep {
        let missing = rustix::io::Errno::NOSYS.raw_os_error();
        match error {
            KeyError::AccessDenied | KeyError::PermissionDenied => CannotKeep::Forbidden,
            KeyError::OperationNotSupported => CannotKeep::Missing,
            KeyError::Unknown(code) if code == missing => CannotKeep::Missing,
            KeyError::QuotaExceeded => CannotKeep::Quota,
            other => CannotKeep::Other(other),
        }
    }
}

/// The kernel's keyring of this user.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kernel;

impl Kernel {
    /// The user's keyring. Who has it in a keyring of the process possesses what is in it; a session
    /// of cron or of a service may not have it by itself.
    fn ring() -> Result<KeyRing, KeyError> {
        let process = KeyRing::from_special_id(KeyRingIdentifier::Process, true)?;
        process.link_keyring_id(KeyRingIdentifier::User)?;
        KeyRing::from_special_id(KeyRingIdentifier::User, false)
    }
}

impl Keeper for Kernel {
    fn keep(&self, name: &str, secret: &[u8], seconds: u64) -> Result<(), CannotKeep> {
        let key = Kernel::ring()?.add_key(name, secret)?;
        let own = Permission::ALL.difference(Permission::LINK);
        let limited = usize::try_from(seconds)
            .map_err(|_| KeyError::InvalidArguments)
            .and_then(|seconds| key.set_timeout(seconds))
            .and_then(|()| key.set_perms(KeyPermissionsBuilder::builder().posessor(own).build()));
        if limited.is_err() {
            // What would stay for ever, or for others, does not stay at all.
            let _ = key.revoke();
        }
        Ok(limited?)
    }

    fn kept(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, CannotKeep> {
        let read = || {
            let mut secret = Zeroizing::new(vec![0; LIMIT]);
            let length = Kernel::ring()?.search(name)?.read(&mut secret)?;
            if length > LIMIT {
                return Err(KeyError::KeyDoesNotExist);
            }
            secret.truncate(length);
            Ok(secret)
        };
        absent_is_none(read())
    }

    fn forget(&self, name: &str) -> Result<bool, CannotKeep> {
        let revoke = || {
            let ring = Kernel::ring()?;
            let key = ring.search(name)?;
            key.revoke()?;
            // It is dead already; without this the kernel clears it away some minutes later.
            let _ = ring.unlink_key(key);
            Ok(())
        };
        absent_is_none(revoke()).map(|done| done.is_some())
    }
}

fn absent_is_none<T>(result: Result<T, KeyError>) -> Result<Option<T>, CannotKeep> {
    match result {
        Ok(some) => Ok(Some(some)),
        Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_keyrings_is_told_from_one_that_forbids_them() {
        for (error, why) in [
            (KeyError::Unknown(38), CannotKeep::Missing),
            (KeyError::OperationNotSupported, CannotKeep::Missing),
            (KeyError::PermissionDenied, CannotKeep::Forbidden),
            (KeyError::AccessDenied, CannotKeep::Forbidden),
            (KeyError::QuotaExceeded, CannotKeep::Quota),
        ] {
            assert_eq!(CannotKeep::from(error), why);
        }
    }
}
