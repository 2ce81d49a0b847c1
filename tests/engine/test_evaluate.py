"""The values of expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from case_folders import ACCOUNT, REGION
from factories import NOVALUE, scope
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.decision_tree import Branch, Leaf, leaves
from sysdig_instrument.engine.expressions.evaluate import FUNCTIONS, evaluate, evaluate_by_condition
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.lookups import Answer, ExportLookup, Lookup, SsmLookup, Unavailable

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Image": {"Type": "String", "Default": "nginx:1"},
        "NoDefault": {"Type": "String"},
        "Port": {"Type": "Number", "Default": 8080},
        "Words": {"Type": "CommaDelimitedList", "Default": "a, b ,c"},
        "Zones": {"Type": "List<AWS::EC2::AvailabilityZone::Name>"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>"},
        "StoredList": {"Type": "AWS::SSM::Parameter::Value<List<String>>"},
        "Odd": 5,
        "OddType": {"Type": ["String"], "Default": "x"},
    },
    "Mappings": {"Map": {"eu-west-1": {"Image": "mapped:1", "Words": ["x", "y"], "Number": 5, "Index": 1}}},
    "Conditions": {"Yes": {"Fn::Equals": [1, 1]}, "No": {"Fn::Equals": [1, 2]}},
    "Resources": {
        "Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Fn::Sub": "${Image}-repo"}}},
        "Unnamed": {"Type": "AWS::ECR::Repository"},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "x"}},
        "Broken": None,
    },
}


def value_of(expression: Json | Absent, answers: Mapping[Lookup, Answer] | None = None, **values: Json) -> object:
    return evaluate(expression, scope(TEMPLATE, values, answers=answers or {}, knows_lookups=True))


def why(expression: Json, **values: Json) -> str:
    found = value_of(expression, {}, **values)
    assert isinstance(found, Unknown), found
    return found.reason.fact


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("text", "text", id="string"),
        pytest.param(5, 5, id="number"),
        pytest.param(None, None, id="null"),
        pytest.param(True, True, id="boolean"),
        pytest.param([], [], id="empty-list"),
        pytest.param({}, {}, id="empty-object"),
        pytest.param(["a", NOVALUE, "b"], ["a", "b"], id="no-value-in-list"),
        pytest.param({"a": NOVALUE, "b": 1}, {"b": 1}, id="no-value-in-object"),
        pytest.param({"Ref": "Image"}, "nginx:1", id="ref-string"),
        pytest.param({"Ref": "Port"}, "8080", id="ref-number"),
        pytest.param({"Ref": "Words"}, ["a", "b", "c"], id="ref-list"),
        pytest.param({"Ref": {"Fn::Sub": "Image"}}, "nginx:1", id="ref-of-sub"),
        pytest.param({"Ref": "OddType"}, "x", id="ref-unknown-type"),
        pytest.param({"Ref": "Repo"}, "nginx:1-repo", id="ref-repository"),
        pytest.param({"Ref": "AWS::Region"}, REGION, id="region"),
        pytest.param({"Ref": "AWS::AccountId"}, ACCOUNT, id="account"),
        pytest.param({"Ref": "AWS::Partition"}, "aws", id="partition"),
        pytest.param({"Ref": "AWS::URLSuffix"}, "amazonaws.com", id="url-suffix"),
        pytest.param(
            {"Fn::GetAtt": ["Repo", "RepositoryUri"]},
            f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nginx:1-repo",
            id="getatt-list",
        ),
        pytest.param(
            {"Fn::GetAtt": "Repo.RepositoryUri"},
            f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nginx:1-repo",
            id="getatt-string",
        ),
        pytest.param(
            {"Fn::GetAtt": ["Repo", "Arn"]}, f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/nginx:1-repo", id="getatt-arn"
        ),
        pytest.param(
            {"Fn::Select": [4, {"Fn::Split": [":", {"Fn::Sub": "${Repo.Arn}"}]}]}, ACCOUNT, id="part-of-getatt-arn"
        ),
        pytest.param({"Fn::Sub": "a${Image}b"}, "anginx:1b", id="sub"),
        pytest.param({"Fn::Sub": "${!Image}"}, "${Image}", id="sub-escaped"),
        pytest.param({"Fn::Sub": "${"}, "${", id="sub-unclosed"),
        pytest.param({"Fn::Sub": ["${x}/${Image}", {"x": {"Ref": "Port"}}]}, "8080/nginx:1", id="sub-with-map"),
        pytest.param({"Fn::Sub": ["${Image}", {"Image": "mine"}]}, "mine", id="sub-map-first"),
        pytest.param({"Fn::Sub": ["plain", {}]}, "plain", id="sub-without-variables"),
        pytest.param({"Fn::Sub": "${AWS::Region}"}, REGION, id="sub-pseudo-parameter"),
        pytest.param(
            {"Fn::Sub": "${Repo.RepositoryUri}:1"},
            f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nginx:1-repo:1",
            id="sub-getatt",
        ),
        pytest.param({"Fn::Join": ["-", ["a", 1, True, 1.5]]}, "a-1-true-1.5", id="join-scalars"),
        pytest.param({"Fn::Join": ["", []]}, "", id="join-nothing"),
        pytest.param({"Fn::Join": [",", {"Ref": "Words"}]}, "a,b,c", id="join-list-parameter"),
        pytest.param({"Fn::Join": [",", ["a", NOVALUE, "b"]]}, "a,b", id="join-no-value"),
        pytest.param({"Fn::Split": [",", "a,,b"]}, ["a", "", "b"], id="split-empty-item"),
        pytest.param({"Fn::Split": ["::", {"Ref": "Image"}]}, ["nginx:1"], id="split-parameter"),
        pytest.param({"Fn::Select": [1, ["a", "b"]]}, "b", id="select"),
        pytest.param({"Fn::Select": ["1", {"Ref": "Words"}]}, "b", id="select-string-index"),
        pytest.param({"Fn::Select": [0, {"Fn::Split": [":", {"Ref": "Image"}]}]}, "nginx", id="select-of-split"),
        pytest.param(
            {"Fn::Select": [{"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "Index"]}, ["a", "b"]]},
            "b",
            id="select-index-from-map",
        ),
        pytest.param({"Fn::Select": [{"Fn::Length": ["x"]}, ["a", "b"]]}, "b", id="select-index-from-length"),
        pytest.param({"Fn::Select": ["000001", ["a", "b"]]}, "b", id="select-leading-zeros"),
        pytest.param({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "Image"]}, "mapped:1", id="find-in-map"),
        pytest.param({"Fn::FindInMap": ["Map", REGION, "Words"]}, ["x", "y"], id="find-in-map-list"),
        pytest.param({"Fn::FindInMap": ["Map", REGION, "Number"]}, 5, id="find-in-map-number"),
        pytest.param(
            {"Fn::FindInMap": ["No", "such", "thing", {"DefaultValue": {"Ref": "Image"}}]},
            "nginx:1",
            id="find-in-map-default",
        ),
        pytest.param({"Fn::If": ["Yes", "a", {"Ref": "Missing"}]}, "a", id="if-true"),
        pytest.param({"Fn::If": ["No", "a", "b"]}, "b", id="if-false"),
        pytest.param({"Fn::Base64": "hä"}, "aMOk", id="base64"),
        pytest.param({"Fn::Length": {"Ref": "Words"}}, 3, id="length"),
        pytest.param({"Fn::ToJsonString": {"a": [1, NOVALUE]}}, '{"a":[1]}', id="to-json-string"),
        pytest.param({"Fn::ToJsonString": NOVALUE}, "null", id="to-json-string-no-value"),
        pytest.param({"Fn::Unknown": 1, "Two": 2}, {"Fn::Unknown": 1, "Two": 2}, id="unknown-function-with-other-key"),
    ],
)
def test_expressions_evaluate_as_in_cloudformation(expression: Json, expected: Json) -> None:
    assert value_of(expression) == Known(expected)


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(NOVALUE, id="no-value"),
        pytest.param(ABSENT, id="absent"),
        pytest.param({"Fn::If": ["Yes", NOVALUE, "x"]}, id="if"),
        pytest.param({"Fn::FindInMap": ["a", "b", "c", {"DefaultValue": NOVALUE}]}, id="find-in-map-default"),
    ],
)
def test_no_value_is_absent(expression: Json) -> None:
    assert value_of(expression) is ABSENT


MALFORMED: dict[str, Json] = {
    "null": None,
    "number": 5,
    "boolean": True,
    "empty-string": "",
    "empty-list": [],
    "empty-object": {},
    "list-of-null": [None],
    "list-of-list": [[]],
    "list-of-object": [{}],
    "one-string": ["a"],
    "string-and-null": ["a", None],
    "five-strings": ["a", "b", "c", "d", "e"],
    "two-numbers": [1, 2],
}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@pytest.mark.parametrize("argument", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_function_raises_nothing(function: str, argument: Json) -> None:
    found = value_of({function: argument})
    assert found is ABSENT or isinstance(found, Known | Unknown)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_no_value_as_argument_raises_nothing(function: str) -> None:
    arguments: tuple[Json, ...] = (
        NOVALUE,
        [NOVALUE],
        [NOVALUE, NOVALUE],
        ["x", NOVALUE],
        [NOVALUE, ["x"]],
        ["x", {"y": NOVALUE}],
    )
    for argument in arguments:
        found = value_of({function: argument})
        assert found is ABSENT or isinstance(found, Known | Unknown)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        pytest.param({"Ref": "NoDefault"}, 'parameter "NoDefault" has no value here', id="ref-without-default"),
        pytest.param({"Ref": "Odd"}, 'parameter "Odd" has no value here', id="ref-malformed-parameter"),
        pytest.param({"Ref": "Bucket"}, 'it refers to "Bucket", which is known only after deployment', id="ref-bucket"),
        pytest.param(
            {"Ref": "Missing"}, 'it refers to "Missing", which is known only after deployment', id="ref-missing"
        ),
        pytest.param(
            {"Ref": "Unnamed"},
            'it refers to "Unnamed", which is known only after deployment',
            id="ref-unnamed-repository",
        ),
        pytest.param(
            {"Ref": "Broken"}, 'it refers to "Broken", which is known only after deployment', id="ref-broken-repository"
        ),
        pytest.param({"Ref": 5}, "its Ref is not a name", id="ref-number"),
        pytest.param({"Ref": "AWS::StackName"}, "AWS::StackName is not known before deployment", id="pseudo-parameter"),
        pytest.param(
            {"Fn::GetAtt": ["Repo", "ImageScanningConfiguration"]},
            'it refers to "Repo", which is known only after deployment',
            id="getatt-other-attribute",
        ),
        pytest.param(
            {"Fn::GetAtt": "Nested.Outputs.Image"},
            'it refers to "Nested", which is known only after deployment',
            id="getatt-nested",
        ),
        pytest.param({"Fn::GetAtt": 5}, "its Fn::GetAtt is malformed", id="getatt-number"),
        pytest.param({"Fn::Sub": 5}, "its Fn::Sub is malformed", id="sub-number"),
        pytest.param({"Fn::Sub": ["x", []]}, "its Fn::Sub is malformed", id="sub-map-is-list"),
        pytest.param({"Fn::Join": "x"}, "its Fn::Join is malformed", id="join-string"),
        pytest.param({"Fn::Join": [",", "x"]}, "expected a list", id="join-not-a-list"),
        pytest.param({"Fn::Join": [",", [["x"]]]}, "expected a string", id="join-list-item"),
        pytest.param({"Fn::Split": ["", "x"]}, "its Fn::Split is malformed", id="split-empty-delimiter"),
        pytest.param({"Fn::Select": [2, ["a"]]}, "its Fn::Select selects no item", id="select-out-of-range"),
        pytest.param({"Fn::Select": [-1, ["a"]]}, "its Fn::Select selects no item", id="select-negative"),
        pytest.param({"Fn::Select": ["0000001", ["a"]]}, "its Fn::Select selects no item", id="select-seven-digits"),
        pytest.param({"Fn::Select": ["0" * 5000, ["a"]]}, "its Fn::Select selects no item", id="select-5000-digits"),
        pytest.param({"Fn::Select": ["²", ["a", "b", "c"]]}, "its Fn::Select selects no item", id="select-superscript"),
        pytest.param({"Fn::Select": ["1\n", ["a", "b", "c"]]}, "its Fn::Select selects no item", id="select-newline"),
        pytest.param(
            {"Fn::FindInMap": ["No", "such", "thing"]},
            "its Fn::FindInMap finds no value in Mappings",
            id="find-in-map-missing",
        ),
        pytest.param({"Fn::FindInMap": ["Map"]}, "its Fn::FindInMap is malformed", id="find-in-map-malformed"),
        pytest.param({"Fn::If": ["Yes"]}, "its Fn::If is malformed", id="if-malformed"),
        pytest.param(
            {"Fn::If": ["Missing", 1, 2]},
            'it depends on condition "Missing", which is not known here',
            id="if-missing-condition",
        ),
        pytest.param({"Fn::GetAZs": ""}, "it uses Fn::GetAZs, which is not evaluated here", id="get-azs"),
        pytest.param(
            {"Fn::Transform": {"Name": "x"}}, "it uses Fn::Transform, which is not evaluated here", id="transform"
        ),
        pytest.param({"Fn::Length": "x"}, "expected a list", id="length-of-string"),
        pytest.param(
            "{{resolve:secretsmanager:x}}",
            "it contains a dynamic reference to secretsmanager, which is never read",
            id="dynamic-secretsmanager",
        ),
        pytest.param(
            "{{resolve:ssm-secure:x}}",
            "it contains a dynamic reference to ssm-secure, which is never read",
            id="dynamic-ssm-secure",
        ),
    ],
)
def test_unknown_values_say_why(expression: Json, reason: str) -> None:
    assert why(expression) == reason


def test_a_value_that_was_given_wins_over_the_default() -> None:
    assert value_of({"Ref": "Image"}, Image="mine") == Known("mine")


def test_a_list_parameter_is_a_list_whatever_it_was_given_as() -> None:
    assert value_of({"Ref": "Zones"}, Zones="a,b") == Known(["a", "b"])
    assert value_of({"Ref": "Zones"}, Zones=["a", "b"]) == Known(["a", "b"])


def test_a_text_parameter_given_as_list_is_joined() -> None:
    assert value_of({"Ref": "Image"}, Image=["a", "b"]) == Known("a,b")


@pytest.mark.parametrize("value", [True, 5, 1.5])
def test_a_scalar_parameter_value_is_a_text(value: Json) -> None:
    assert value_of({"Ref": "Image"}, Image=value) == Known({True: "true", 5: "5", 1.5: "1.5"}[value])  # type: ignore[index]


@pytest.mark.parametrize(
    ("region", "name", "suffix"),
    [
        pytest.param("eu-west-1", "aws", "amazonaws.com", id="aws"),
        pytest.param("cn-north-1", "aws-cn", "amazonaws.com.cn", id="china"),
        pytest.param("us-gov-west-1", "aws-us-gov", "amazonaws.com", id="us-gov"),
        pytest.param("us-iso-east-1", "aws-iso", "c2s.ic.gov", id="iso"),
        pytest.param("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov", id="iso-b"),
        pytest.param("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov", id="iso-f"),
        pytest.param("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk", id="iso-e"),
        pytest.param("eusc-de-east-1", "aws-eusc", "amazonaws.eu", id="eusc"),
    ],
)
def test_pseudo_parameters_follow_the_region(region: str, name: str, suffix: str) -> None:
    current = scope(TEMPLATE, region=region)
    assert evaluate({"Ref": "AWS::Partition"}, current) == Known(name)
    assert evaluate({"Ref": "AWS::URLSuffix"}, current) == Known(suffix)
    registry = evaluate({"Fn::GetAtt": ["Repo", "RepositoryUri"]}, current)
    assert registry == Known(f"{ACCOUNT}.dkr.ecr.{region}.{suffix}/nginx:1-repo")


@pytest.mark.parametrize("name", ["AWS::Region", "AWS::AccountId", "AWS::Partition", "AWS::URLSuffix"])
def test_pseudo_parameters_need_region_and_account(name: str) -> None:
    assert isinstance(evaluate({"Ref": name}, scope(TEMPLATE, region=None, account=None)), Unknown)


# Lookups


def test_a_dynamic_ssm_reference_is_looked_up() -> None:
    current = scope(TEMPLATE, knows_lookups=True)
    found = evaluate("a-{{resolve:ssm:/image:3}}-b", current)
    assert isinstance(found, Unknown)
    assert list(current.state.lookups) == [SsmLookup("/image:3")]
    assert value_of("a-{{resolve:ssm:/image:3}}-b", {SsmLookup("/image:3"): "x"}) == Known("a-x-b")


def test_a_dynamic_reference_built_by_fn_sub_is_looked_up() -> None:
    current = scope(TEMPLATE, knows_lookups=True)
    evaluate({"Fn::Sub": "{{resolve:ssm:/${AWS::Region}}}"}, current)
    assert list(current.state.lookups) == [SsmLookup(f"/{REGION}")]


def test_an_import_is_looked_up() -> None:
    current = scope(TEMPLATE, knows_lookups=True)
    evaluate({"Fn::ImportValue": {"Fn::Sub": "${AWS::Region}-image"}}, current)
    assert list(current.state.lookups) == [ExportLookup(f"{REGION}-image")]
    assert value_of({"Fn::ImportValue": "x"}, {ExportLookup("x"): "image:1"}) == Known("image:1")


def test_a_failed_lookup_is_unknown_with_its_reason() -> None:
    found = value_of(
        {"Fn::ImportValue": "x"},
        {ExportLookup("x"): Unavailable(Reason("No such export", "Export it", code=Code.NO_ANSWER))},
    )
    assert found == Unknown(Reason("No such export", "Export it", code=Code.NO_ANSWER, not_known_here=True))


@pytest.mark.parametrize(
    "text", ["has space", "nginx:1.27", "a@sha256:00", "", "//x", "a:b:c", pytest.param("{}", id="braces")]
)
def test_an_ssm_parameter_with_an_impossible_name_is_its_text(text: str) -> None:
    current = scope(TEMPLATE, {"Stored": text}, knows_lookups=True)
    assert evaluate({"Ref": "Stored"}, current) == Known(text)
    assert not current.state.lookups


@pytest.mark.parametrize("name", ["/prod/image", "image", "image:3", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/image"])
def test_an_ssm_parameter_with_a_valid_name_is_looked_up(name: str) -> None:
    current = scope(TEMPLATE, {"Stored": name}, knows_lookups=True)
    assert isinstance(evaluate({"Ref": "Stored"}, current), Unknown)
    assert list(current.state.lookups) == [SsmLookup(name)]
    assert value_of({"Ref": "Stored"}, {SsmLookup(name): "nginx:1"}, Stored=name) == Known("nginx:1")


def test_a_name_missing_in_ssm_is_its_text() -> None:
    missing = Unavailable(Reason("There is none", "Make it", code=Code.NO_ANSWER), missing=True)
    assert value_of({"Ref": "Stored"}, {SsmLookup("nginx"): missing}, Stored="nginx") == Known("nginx")


def test_an_unreadable_ssm_parameter_is_not_its_text() -> None:
    denied = Unavailable(Reason("Access denied", "Allow it", code=Code.NO_ANSWER))
    assert value_of({"Ref": "Stored"}, {SsmLookup("nginx"): denied}, Stored="nginx") == Unknown(
        Reason("Access denied", "Allow it", code=Code.NO_ANSWER, not_known_here=True)
    )


def test_an_ssm_typed_list_is_split() -> None:
    found = value_of({"Ref": "StoredList"}, {SsmLookup("/words"): "a, b"}, StoredList="/words")
    assert found == Known(["a", "b"])


# Loops


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("a${X}b", "aa-1b", id="dollar"),
        pytest.param("a&{X}b", "aa1b", id="ampersand"),
        pytest.param("${Y}", "${Y}", id="another-variable"),
        pytest.param("${X}${X}", "a-1a-1", id="twice"),
        pytest.param({"Ref": "X"}, "a-1", id="ref"),
        pytest.param({"Fn::Sub": "v${X}"}, "va-1", id="sub"),
        pytest.param({"Fn::Sub": "v&{X}"}, "va1", id="sub-ampersand"),
        pytest.param({"Ref": "${X}"}, None, id="ref-of-variable"),
        pytest.param({"Fn::FindInMap": ["Map", REGION, "${X}", {"DefaultValue": "${X}!"}]}, "a-1!", id="find-in-map"),
        pytest.param(["${X}", {"k": "&{X}"}], ["a-1", {"k": "a1"}], id="list-and-object"),
    ],
)
def test_loop_variables_are_substituted(expression: Json, expected: Json) -> None:
    found = evaluate(expression, scope(TEMPLATE, loops={"X": "a-1"}))
    assert found == Known(expected) or (expected is None and isinstance(found, Unknown))


def test_a_loop_variable_without_item_is_not_known() -> None:
    current = scope(TEMPLATE, loops={"X": None})
    expressions: tuple[Json, ...] = ("${X}", "&{X}", {"Ref": "X"}, {"Fn::Sub": "${X}"})
    for expression in expressions:
        found = evaluate(expression, current)
        assert isinstance(found, Unknown)
        assert found.reason.fact == 'it depends on the items of the Fn::ForEach over "X"'
    assert evaluate("${Y}", current) == Known("${Y}")


# Decision trees


def test_nested_conditions_are_lifted_to_branches() -> None:
    expression: Json = {"Fn::Join": [":", ["nginx", {"Fn::If": ["Yes", "1", {"Fn::If": ["No", "2", "3"]}]}]]}
    tree = evaluate_by_condition(expression, scope(TEMPLATE), {})
    found = {tuple(sorted(assumptions.items())): value for value, assumptions in leaves(tree, {})}
    assert found == {
        (("Yes", True),): Known("nginx:1"),
        (("No", True), ("Yes", False)): Known("nginx:2"),
        (("No", False), ("Yes", False)): Known("nginx:3"),
    }


def test_assumed_conditions_are_not_branched_on() -> None:
    expression: Json = {"Fn::If": ["Yes", "a", "b"]}
    assert evaluate_by_condition(expression, scope(TEMPLATE), {"Yes": False}) == Leaf(Known("b"))


def test_equal_branches_become_one_leaf() -> None:
    assert evaluate_by_condition({"Fn::If": ["Yes", "a", {"Fn::Sub": "a"}]}, scope(TEMPLATE), {}) == Leaf(Known("a"))


def test_branches_distinguish_json_types() -> None:
    assert isinstance(evaluate_by_condition({"Fn::If": ["Yes", 1, True]}, scope(TEMPLATE), {}), Branch)


def test_an_expression_with_too_many_conditions_is_not_known() -> None:
    many: Json = {"Fn::Join": ["", [{"Fn::If": [f"C{number}", str(number), "x"]} for number in range(12)]]}
    reasons = {
        value.reason.fact
        for value, _ in leaves(evaluate_by_condition(many, scope(TEMPLATE), {}), {})
        if isinstance(value, Unknown)
    }
    assert reasons == {"it depends on too many conditions"}


junk: st.SearchStrategy[Json] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4),
        st.sampled_from(["Yes", "Image", "${Image}", "${X}", "{{resolve:ssm:a}}", "Map", REGION, "AWS::NoValue", "Repo"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from([*sorted(FUNCTIONS), "Fn::Missing", "a"]), inner, max_size=2),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300)
@given(junk)
def test_no_expression_raises(expression: Json) -> None:
    for current in (scope(TEMPLATE), scope(TEMPLATE, loops={"X": None}), scope(TEMPLATE, loops={"X": "é"})):
        evaluate(expression, current)
        evaluate_by_condition(expression, current, {})
