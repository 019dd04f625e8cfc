//! Stand-ins on loopback for the services on the internet that two examples call.

use axum::Router;
use axum::extract::Path;
use axum::http::Uri;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Authors of the articles, in their order; more than any example asks for.
pub(crate) const AUTHORS: [&str; 7] = ["Ada", "Grace", "Ada", "Edsger", "Ada", "Grace", "Barbara"];

/// Images of dogs below `/dogs`, news below `/news`; ends when dropped.
pub(crate) struct Services {
    pub(crate) url: String,
    serving: JoinHandle<()>,
}

impl Services {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let images = format!("{url}/dogs/images");
        let router = Router::new()
            .route("/dogs/search", get(move |uri: Uri| async move { search(&images, &uri) }))
            .route("/dogs/images/{name}", get(|Path(name): Path<String>| async move { format!("picture of {name}") }))
            .route("/news/{category}/us.json", get(|Path(category): Path<String>| async move { news(&category) }));
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, serving }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// As many images as are asked for. Searches for different numbers find different ones.
fn search(images: &str, uri: &Uri) -> String {
    let limit = uri.query().and_then(|query| query.strip_prefix("limit=")).expect("a limit");
    let count: u32 = limit.parse().expect("a number");
    let images = (0..count).map(
        |index| serde_json::json!({ "id": format!("dog{index}"), "url": format!("{images}/dog-{count}-{index}.jpg") }),
    );
    serde_json::Value::from_iter(images).to_string()
}

fn news(category: &str) -> String {
    let articles = AUTHORS.iter().enumerate().map(|(index, author)| {
        serde_json::json!({
            "title": format!("{category} story {index}"),
            "author": author,
            "publishedAt": format!("2026-03-{:02}T08:30:00Z", index + 1),
        })
    });
    serde_json::json!({ "status": "ok", "articles": articles.collect::<Vec<_>>() }).to_string()
}
