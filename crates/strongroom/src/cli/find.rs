//! Where the server is.

use std::path::PathBuf;

use crate::data_dir::{self, DataDir};
use crate::kms;

/// Names the socket when the command line does not.
const SOCKET_VARIABLE: &str = "STRONGROOM_SOCKET";
/// The same for the socket of a KMS endpoint.
const KMS_SOCKET_VARIABLE: &str = "STRONGROOM_KMS_SOCKET";

/// What the command line says about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) socket: Option<PathBuf>,
}

impl Place {
    /// The socket: from the command line, the environment, or the usual place.
    pub(crate) fn socket(&self) -> PathBuf {
        self.chosen(SOCKET_VARIABLE)
            .unwrap_or_else(|| self.data_dir().socket())
    }

    /// The same for a KMS endpoint.
    pub(crate) fn kms(self) -> kms::Place {
        let usual = || {
            let dir = self.data_dir.clone();
            DataDir::new(dir.unwrap_or_else(|| kms::DEFAULT_DATA_DIR.into())).socket()
        };
        kms::Place {
            socket: self.chosen(KMS_SOCKET_VARIABLE).unwrap_or_else(usual),
            data_dir: self.data_dir,
        }
    }

    fn chosen(&self, variable: &str) -> Option<PathBuf> {
        let from_environment = || {
            let path = std::env::var_os(variable)?;
            (self.data_dir.is_none() && !path.is_empty()).then(|| PathBuf::from(path))
        };
        self.socket.clone().or_else(from_environment)
    }

    /// The data directory, or the usual one.
    pub(crate) fn data_dir(&self) -> DataDir {
        DataDir::new(self.data_dir.clone().unwrap_or_else(|| data_dir::DEFAULT.into()))
    }
}
