use boxwood::JobState;

use crate::here::Here;

#[tokio::test]
async fn t_23_t_33_several_inputs_are_one_compact_object_in_the_order_of_the_fields() {
    const INPUT: &str = r#"{"message":"Hello","number":3,"data":{"key":"value"}}"#;
    let here = Here::start().await;
    let printed = here.run("inputs", &[]).await;
    assert_eq!(printed, ["HelloHelloHello".to_owned(), format!("ParametrizableTask had the input {INPUT}")]);

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(here.tasks(&job).await.inputs(), [INPUT]);
    here.stop().await;
}
