#[derive(Clone, PartialEq, prost::Message)]
struct Request {}

#[derive(boxwood::Task)]
#[task(input = "prost")]
struct Download {
    request: Request,
    retries: u32,
}

fn main() {}
