//! Answers as HTTP.

use bytes::Bytes;
use crypto::SecretBytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use kms_api::KmsError;

use super::Protocol;
use super::refusal::Refusal;
use super::xml::Xml;

const X_AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// The namespace of STS's answers.
pub(super) const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An answer to be sent.
pub(crate) struct Answer {
    status: u16,
    content_type: &'static str,
    body: Bytes,
}

impl Answer {
    /// What an operation of AWS KMS answered. Its body may hold plaintext: it is wiped once it is
    /// out.
    pub(crate) fn kms(answer: Result<SecretBytes, KmsError>) -> Self {
        match answer {
            Ok(body) => Self::json(200, listener::wiping(body)),
            Err(error) => Self::json(error.status(), error.to_json().into()),
        }
    }

    /// A JSON answer.
    pub(crate) const fn json(status: u16, body: Bytes) -> Self {
        Self {
            status,
            content_type: kms_api::CONTENT_TYPE,
            body,
        }
    }

    /// An XML answer.
    pub(crate) fn xml(status: u16, body: String) -> Self {
        Self {
            status,
            content_type: "text/xml",
            // It may hold the secret of temporary credentials.
            body: listener::wiping(SecretBytes::new(body.into_bytes())),
        }
    }

    /// An error with the Query protocol.
    pub(crate) fn query_error(status: u16, code: &str, message: &str, request_id: &str) -> Self {
        let fault = if status < 500 { "Sender" } else { "Receiver" };
        let body = Xml::default().root("ErrorResponse", STS_NAMESPACE, |xml| {
            xml.element("Error", |xml| {
                xml.text("Type", fault)
                    .text("Code", code)
                    .text("Message", message);
            })
            .text("RequestId", request_id);
        });
        Self::xml(status, body)
    }

    /// As HTTP.
    pub(crate) fn into_response(self, request_id: &str) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        // Every status here is one; were it not, it would be an error of ours.
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-store, must-revalidate, private"),
        );
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(X_AMZN_REQUEST_ID, id);
        }
        response
    }
}

/// A refusal as HTTP.
pub(super) fn refused(protocol: Protocol, refusal: &Refusal, request_id: &str) -> Response<Bytes> {
    let answer = match protocol {
        Protocol::Json => Answer::json(refusal.in_json().0, refusal.json_body().into()),
        Protocol::Query => {
            let (status, code, message) = refusal.in_query();
            Answer::query_error(status, code, message, request_id)
        }
    };
    answer.into_response(request_id)
}
