"""What leads to AWS: settings name places, the environment says how to get there, and a folder loads none of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from label_pipeline.adapters.aws import s3, secrets_client
from label_pipeline.adapters.files import InputSpec, read_rows
from label_pipeline.adapters.secrets import read_secret
from label_pipeline.core.errors import InputError, SettingsError, StorageError
from label_pipeline.operations.project import Project
from label_pipeline.settings import SAMPLE, Settings, parse
from label_pipeline_tests.defs import projects
from label_pipeline_tests.s3 import servers

NAMES = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")


def settings(home: Path, **storage: object) -> Settings:
    return projects.settings(home, storage=storage)


def test_the_state_is_in_the_home_until_settings_say_otherwise(tmp_path: Path) -> None:
    assert projects.settings(tmp_path).tables_root == f"{tmp_path}/tables"
    assert settings(tmp_path, root=str(tmp_path / "elsewhere")).tables_root == f"{tmp_path}/elsewhere/tables"
    on_s3 = settings(tmp_path, root="s3://bucket/a/b/")
    assert (on_s3.tables_root, on_s3.storage.remote) == ("s3://bucket/a/b/tables", "s3://bucket/a/b")


def test_variables_in_the_root_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_BUCKET", "shop-search")
    assert settings(tmp_path, root="s3://${MY_BUCKET}/x").tables_root == "s3://shop-search/x/tables"
    monkeypatch.delenv("MY_BUCKET")
    with pytest.raises(SettingsError, match=r"storage.root: it names an environment variable that is not set"):
        settings(tmp_path, root="s3://${MY_BUCKET}/x")


@pytest.mark.parametrize(
    "root",
    [
        "s3:/bucket/x", " s3://bucket/x", "S3:bucket", "s3://Bucket/x", "s3://b", "gs://bucket/x", "s3://bucket//x",
        "s3://bucket/a b", "s3://bucket/../x", "s3://bucket/x/..", "s3://bucket/./x", "s3://bucket/x#1", "s3://bucket/x?1",
        "s3://bucket/50%25",
    ],
)  # fmt: skip
def test_a_root_that_is_no_place(tmp_path: Path, root: str) -> None:
    with pytest.raises(SettingsError, match=r"storage.root: expected s3://bucket, s3://bucket/prefix or a folder"):
        settings(tmp_path, root=root)


@pytest.mark.parametrize("root", ["s3://bucket", "s3://bucket/", "s3://a.b-c/x_1/v2.0/..y/"])
def test_tables_and_lease_of_any_root_are_side_by_side(tmp_path: Path, root: str) -> None:
    found = settings(tmp_path, root=root)
    assert found.tables_root == f"{root.rstrip('/')}/tables"
    assert found.storage.remote == root.rstrip("/")


def test_a_secret_in_an_address_is_not_told_and_a_home_is_on_this_machine(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"storage.root: .*; found 's3://\*\*\*@bucket/x'") as refused:
        settings(tmp_path, root="s3://AKIA1:hunter2/hunter2@bucket/x")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(SettingsError, match=r"home is a folder of this machine; .*storage.root"):
        parse({**projects.data(tmp_path), "home": "s3://bucket/x"}, SAMPLE)


def test_an_input_elsewhere_is_refused_as_what_it_is(tmp_path: Path) -> None:
    content = projects.data(tmp_path)
    inputs = {**content["inputs"], "queries": "https://example.org/q.csv?sig=hunter2"}
    project = Project(projects.settings(tmp_path, inputs=inputs))
    assert project.s3 is None
    (spec,) = project.input_specs("queries")
    with pytest.raises(InputError, match=r"https://example.org/q.csv\?sig=\*\*\*: only local files and s3://"):
        read_rows(spec)


def test_a_project_on_a_folder_loads_nothing_of_aws(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from label_pipeline_tests.defs import projects\n"
        f"project = projects.Project(projects.settings(Path({str(tmp_path)!r})))\n"
        "assert project.s3 is None; project.store('rank').read('labels'); project.input_specs('queries')\n"
        "with project.journal(): pass\n"
        "assert not {'boto3', 'botocore', 'dagster_aws'} & sys.modules.keys(), 'loaded'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_boto3_and_delta_rs_are_led_to_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert s3().delta_options == {"aws_conditional_put": "etag", "aws_region": "eu-west-3"}, "Amazon's own endpoint"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    assert s3().delta_options["aws_endpoint"] == "http://127.0.0.1:9000"


def test_an_environment_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StorageError, match=r"no client of AWS can be made: You must specify a region.*AWS_REGION"):
        secrets_client()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StorageError, match=r"no client of AWS can be made: The config profile \(nobody\)"):
        s3()


def spec(path: str, **others: object) -> InputSpec:
    return InputSpec(path=path, table="queries", objects=s3().objects, **others)  # type: ignore[arg-type]  # shorthand


def test_an_input_on_s3_is_read_as_a_file_is(bucket: str, s3_url: str) -> None:
    put = servers.client("s3", s3_url).put_object
    put(Bucket=bucket, Key="in/queries.csv", Body=b"query_id,query\nq1,printer\n")
    put(Bucket=bucket, Key="in/empty.csv", Body=b" \n")
    found = read_rows(spec(f"s3://{bucket}/in/queries.csv"))
    assert found.source == "queries.csv"
    assert found.frame.select("query_id", "query", "line").rows() == [("q1", "printer", 2)]
    with pytest.raises(InputError, match=r"in/empty.csv is empty; expected at least one row"):
        read_rows(spec(f"s3://{bucket}/in/empty.csv"))
    with pytest.raises(InputError, match=r"in/query.csv does not exist; did you mean s3://.*/in/queries.csv\?"):
        read_rows(spec(f"s3://{bucket}/in/query.csv"))
    with pytest.raises(InputError, match=r"gs://x/queries.csv: only local files and s3:// addresses can be read"):
        read_rows(spec("gs://x/queries.csv"))


@pytest.mark.parametrize(
    ("stored", "name", "expected"),
    [
        ("sk-1\n", "plain", "sk-1"),
        ('{"a": "sk-2"}', "plain:a", "sk-2"),
        ('{"a": 7}', "plain:a", "the secret holds no text"),
        ('{"a": "sk-3"}', "plain:b", "the secret has no such field"),
        ("sk-4", "plain:b", "the secret has no such field"),
        ("sk-5", "sk-5", "Secrets Manager answered ResourceNotFoundException"),
    ],
)
def test_a_secret(bucket: str, s3_url: str, stored: str, name: str, expected: str) -> None:
    manager = servers.client("secretsmanager", s3_url)
    arn = manager.create_secret(Name=f"plain-{bucket}", SecretString=stored)["ARN"]
    name = name.replace("plain", f"plain-{bucket}")
    if expected.startswith("sk-"):
        assert read_secret(secrets_client(), name, "endpoints.main.api_key_secret") == expected
        assert read_secret(secrets_client(), name.replace(f"plain-{bucket}", arn), "x") == expected
        return
    with pytest.raises(SettingsError) as refused:
        read_secret(secrets_client(), name, "endpoints.main.api_key_secret")
    assert str(refused.value).startswith(f"endpoints.main.api_key_secret: {expected}")
    assert "sk-" not in str(refused.value)


@pytest.mark.parametrize("code", ["ExpiredTokenException", "ThrottlingException", "InternalServiceError"])
def test_what_passes_by_itself_or_with_new_credentials_is_no_wrong_name(code: str) -> None:
    class Refusing:
        def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - the name boto3 gives it
            raise ClientError({"Error": {"Code": code, "Message": SecretId}}, "GetSecretValue")

    with pytest.raises(StorageError, match=rf"x: Secrets Manager answered {code}; .*renew them, or wait") as refused:
        read_secret(Refusing(), "the-key-itself", "x")
    assert "the-key" not in str(refused.value)


def test_secrets_manager_out_of_reach(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StorageError, match=r"x: Secrets Manager cannot be reached \(EndpointConnectionError\)"):
        read_secret(secrets_client(), "name", "x")
