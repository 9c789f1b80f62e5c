//! Where the server is.

use std::path::PathBuf;

use crate::data_dir::{self, DataDir};

/// Names the socket when the command line does not.
const SOCKET_VARIABLE: &str = "STRONGROOM_SOCKET";

/// What the command line says about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) socket: Option<PathBuf>,
}

impl Place {
    /// The socket: from the command line, the environment, or the usual place.
    pub(crate) fn socket(&self) -> PathBuf {
        let from_environment = || {
            let variable = std::env::var_os(SOCKET_VARIABLE)?;
            (self.data_dir.is_none() && !variable.is_empty()).then(|| PathBuf::from(variable))
        };
        self.socket
            .clone()
            .or_else(from_environment)
            .unwrap_or_else(|| self.data_dir().socket())
    }

    /// The data directory, or the usual one.
    pub(crate) fn data_dir(&self) -> DataDir {
        DataDir::new(self.data_dir.clone().unwrap_or_else(|| data_dir::DEFAULT.into()))
    }
}
