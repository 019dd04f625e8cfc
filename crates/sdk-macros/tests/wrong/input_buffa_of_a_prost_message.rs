#[derive(Clone, PartialEq, prost::Message)]
struct Request {}

#[derive(boxwood::Task)]
#[task(input = "buffa")]
struct Download {
    request: Request,
}

fn main() {}
