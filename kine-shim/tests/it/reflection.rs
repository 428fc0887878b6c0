//! Server reflection, as grpcurl asks for it.

use tokio_stream::StreamExt as _;
use tonic::Status;
use tonic_reflection::pb::{v1, v1alpha};

use crate::server::Server;

const SERVICES: [&str; 7] = ["KV", "Watch", "Lease", "Cluster", "Maintenance", "Auth", "Health"];

#[tokio::test]
async fn all_services_are_listed_and_described() -> Result<(), Status> {
    use v1::server_reflection_request::MessageRequest;
    use v1::server_reflection_response::MessageResponse;

    let server = Server::start().await;
    let nobody = server.nobody();
    let mut client = v1::server_reflection_client::ServerReflectionClient::with_origin(nobody.http, nobody.origin);
    let ask = |request| v1::ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let requests = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("etcdserverpb.RangeRequest".to_owned()),
        MessageRequest::FileContainingSymbol("etcdserverpb.Nothing".to_owned()),
    ];
    let mut answers = client.server_reflection_info(tokio_stream::iter(requests.map(ask))).await?.into_inner();
    let mut next = async || answers.next().await.unwrap().map(|answer| answer.message_response.unwrap());
    let MessageResponse::ListServicesResponse(listed) = next().await? else { panic!("no list") };
    for service in SERVICES {
        assert!(listed.service.iter().any(|found| found.name.ends_with(&format!(".{service}"))), "{listed:?}");
    }
    let MessageResponse::FileDescriptorResponse(found) = next().await? else { panic!("no file") };
    assert!(String::from_utf8_lossy(&found.file_descriptor_proto[0]).contains("min_mod_revision"));
    assert_eq!(next().await.unwrap_err().code(), tonic::Code::NotFound);
    Ok(())
}

#[tokio::test]
async fn the_older_version_is_there_too() -> Result<(), Status> {
    use v1alpha::server_reflection_request::MessageRequest;

    let server = Server::start().await;
    let admin = server.admin();
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::with_origin(admin.http, admin.origin);
    let request = MessageRequest::ListServices(String::new());
    let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await?.into_inner();
    assert!(answers.next().await.unwrap()?.message_response.is_some());
    Ok(())
}
