"""What an administrator keeps: connections, pools, variables; and what the server says of itself."""

import airflow_client.client as client


def connections(o):
    api = o.api("ConnectionApi")
    one = client.ConnectionBody(connection_id="compat_one", conn_type="http", host="one.example", login="someone", password="secret-1", port=80, extra='{"a": 1}')
    made = o.ask(api.post_connection, one)
    o.equal("made", (made.connection_id, made.host, made.port), ("compat_one", "one.example", 80))
    o.true("its password is not told", "secret-1" not in str(made), str(made))
    o.refused(409, "compat_one", api.post_connection, one)
    o.equal("read", o.ask(api.get_connection, "compat_one").login, "someone")
    o.equal("changed", o.ask(api.patch_connection, "compat_one", client.ConnectionBody(connection_id="compat_one", conn_type="http", host="two.example"), update_mask=["host"]).host, "two.example")
    o.equal("what the mask left out", o.ask(api.get_connection, "compat_one").login, "someone")
    o.equal("listed", [each.connection_id for each in o.ask(api.get_connections, connection_id_pattern="compat_").connections], ["compat_one"])
    bulk = client.BulkBodyConnectionBody.from_dict({"actions": [{"action": "create", "entities": [{"connection_id": "compat_two", "conn_type": "ftp"}]}, {"action": "delete", "entities": ["compat_one"]}]})
    o.equal("in bulk", [(one.success, one.errors) for one in (lambda all: (all.create, all.delete))(o.ask(api.bulk_connections, bulk))], [(["compat_two"], []), (["compat_one"], [])])
    o.refused(404, "compat_one", api.get_connection, "compat_one")
    o.ask(api.delete_connection, "compat_two")
    o.refused(404, "compat_two", api.delete_connection, "compat_two")
    # Off unless it is allowed: the server would dial hosts that callers name.
    o.refused(403, "", api.test_connection, one)
    o.ask(api.create_default_connections)
    o.true("defaults", o.ask(api.get_connections).total_entries > 0)


def pools(o):
    api = o.api("PoolApi")
    o.equal("made", o.ask(api.post_pool, client.PoolBody(name="compat_pool", slots=3, description="three")).open_slots, 3)
    o.refused(409, "compat_pool", api.post_pool, client.PoolBody(name="compat_pool", slots=3))
    o.equal("changed", o.ask(api.patch_pool, "compat_pool", client.PoolPatchBody(slots=4), update_mask=["slots"]).slots, 4)
    o.equal("read", (o.ask(api.get_pool, "compat_pool").slots, api.get_pool("compat_pool").description), (4, "three"))
    o.equal("listed", [each.name for each in o.ask(api.get_pools, pool_name_pattern="compat").pools], ["compat_pool"])
    bulk = client.BulkBodyPoolBody.from_dict({"actions": [{"action": "update", "entities": [{"name": "compat_pool", "slots": 5}], "action_on_non_existence": "fail"}]})
    o.equal("in bulk", o.ask(api.bulk_pools, bulk).update.success, ["compat_pool"])
    o.ask(api.delete_pool, "compat_pool")
    o.refused(404, "compat_pool", api.get_pool, "compat_pool")
    o.refused(400, "Default Pool", api.delete_pool, "default_pool")


def variables(o):
    api = o.api("VariableApi")
    made = o.ask(api.post_variable, client.VariableBody(key="compat_key", value="x", description="one"))
    o.equal("made", (made.key, made.value, made.description), ("compat_key", "x", "one"))
    o.refused(409, "compat_key", api.post_variable, client.VariableBody(key="compat_key", value="x"))
    o.equal("changed", o.ask(api.patch_variable, "compat_key", client.VariableBody(key="compat_key", value="y"), update_mask=["value"]).value, "y")
    o.equal("read", o.ask(api.get_variable, "compat_key").description, "one")
    o.equal("listed", [each.key for each in o.ask(api.get_variables, variable_key_pattern="compat_").variables], ["compat_key"])
    bulk = client.BulkBodyVariableBody.from_dict({"actions": [{"action": "create", "entities": [{"key": "compat_key", "value": "z"}], "action_on_existence": "overwrite"}]})
    o.equal("in bulk", o.ask(api.bulk_variables, bulk).create.success, ["compat_key"])
    o.ask(api.delete_variable, "compat_key")
    o.refused(404, "compat_key", api.get_variable, "compat_key")


def itself(o):
    o.true("where one logs in", "/" in str(o.api("LoginApi").login()))
    o.driven |= {"login", "logout"}
    o.api("LoginApi").logout()
    config = o.api("ConfigApi")
    o.true("sections", "core" in [section.name for section in o.ask(config.get_config).sections])
    o.equal("one option", o.ask(config.get_config_value, "api", "maximum_page_limit").sections[0].options[0].key, "maximum_page_limit")
    o.refused(404, "none_such", config.get_config, section="none_such")
    o.true("a scheduler", [job.state for job in o.ask(o.api("JobApi").get_jobs, job_type="SchedulerJob", job_state="running").jobs] == ["running"])
    o.equal("no job of a host", o.ask(o.api("JobApi").get_jobs, hostname="none-such").total_entries, 0)
    o.ask(o.api("PluginApi").get_plugins, limit=5)
    o.ask(o.api("PluginApi").import_errors)
    o.ask(o.api("ProviderApi").get_providers, limit=5)
    o.ask(o.api("DagWarningApi").list_dag_warnings)
    events = o.api("EventLogApi")
    some = o.ask(events.get_event_logs, limit=3)
    o.true("what people did is written down", some.total_entries > 0)
    o.equal("one of it", o.ask(events.get_event_log, some.event_logs[0].event_log_id).event, some.event_logs[0].event)
    o.refused(404, "", events.get_event_log, 999_999_999)
    token = next(dag.file_token for dag in o.api("DAGApi").get_dags(dag_id_pattern="compat_paused").dags)
    o.ask(o.api("DAGParsingApi").reparse_dag_file, token)
    o.refused(404, "File not found", o.api("DAGParsingApi").reparse_dag_file, "none-such")
