//! Notifications by moto's SNS.

use crate::clients;
use async_trait::async_trait;
use marvain_aws::SnsPush;
use marvain_domain::identity::{Platform, PushAddress};
use marvain_hub::{
    conformance::{self, PushWorld},
    port::{Push as _, PushError, PushToken},
};
use marvain_peers::Moto;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

struct World<'a> {
    push: SnsPush,
    sns: aws_sdk_sns::Client,
    moto: &'a Moto,
    name: String,
}

impl<'a> World<'a> {
    async fn new(moto: &'a Moto) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("marvain{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let sns = clients::sns(moto);
        let mut applications = BTreeMap::new();
        for (platform, sns_name) in [(Platform::Apns, "APNS"), (Platform::Fcm, "GCM")] {
            let request = sns.create_platform_application().name(&name).platform(sns_name);
            let made = request.attributes("PlatformCredential", "credential").send().await.unwrap();
            applications.insert(platform, made.platform_application_arn.unwrap());
        }
        // moto knows endpoints of one token in all applications at once: each world begins without.
        for application in sns.list_platform_applications().send().await.unwrap().platform_applications() {
            let application = application.platform_application_arn().unwrap();
            if !applications.values().any(|ours| ours == application) {
                sns.delete_platform_application().platform_application_arn(application).send().await.unwrap();
            }
        }
        Self { push: SnsPush::new(sns.clone(), applications), sns, moto, name }
    }
}

#[async_trait]
impl PushWorld for World<'_> {
    type Push = SnsPush;

    fn push(&self) -> &SnsPush {
        &self.push
    }

    fn missing(&self) -> Platform {
        Platform::ApnsSandbox
    }

    /// By moto's own view of its models; nothing in SNS's API shows what a device was sent.
    async fn sent(&self, token: &PushToken) -> Vec<String> {
        let models: Value =
            reqwest::get(format!("{}/moto-api/data.json", self.moto.url())).await.unwrap().json().await.unwrap();
        let endpoints = models["sns"]["PlatformEndpoint"].as_array().unwrap();
        let ours = |endpoint: &&Value| {
            endpoint["token"] == token.reveal()
                && endpoint["arn"].as_str().unwrap().contains(&format!("/{}/", self.name))
        };
        let messages =
            endpoints.iter().filter(ours).flat_map(|endpoint| endpoint["messages"].as_object().unwrap().values());
        messages.map(|message| message.as_str().unwrap().to_owned()).collect()
    }

    async fn remove_app(&self, address: &PushAddress) {
        let request = self.sns.set_endpoint_attributes().endpoint_arn(address.as_str());
        request.attributes("Enabled", "false").send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_devices_is_as_its_port_has_it() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let moto = Moto::start().await;
    conformance::push(async || World::new(&moto).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_tried_again_and_not_taken_for_gone() {
    let moto = Moto::start().await;
    let World { push, sns, .. } = World::new(&moto).await;
    let token = PushToken::new("aa").unwrap();
    for application in sns.list_platform_applications().send().await.unwrap().platform_applications() {
        let application = application.platform_application_arn().unwrap();
        sns.delete_platform_application().platform_application_arn(application).send().await.unwrap();
    }
    let refused = push.register(Platform::Fcm, &token).await;
    assert!(matches!(refused, Err(PushError::Unavailable { .. })), "{refused:?}");
    // Not an endpoint of SNS: of an earlier set-up.
    push.forget(&PushAddress::new("elsewhere")).await.unwrap();
}
