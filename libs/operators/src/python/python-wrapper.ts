/**
 * Runs in the Python process: reads the call from stdin as JSON, writes the result to descriptor 3 as JSON.
 * Descriptor 3, because stdout belongs to the prints of the function.
 */
export const PYTHON_WRAPPER = `
import json, os, sys, traceback
call = json.load(sys.stdin)
path = call["script"] or "<pythonCode>"
try:
    if call["script"]:
        sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
        with open(path, encoding="utf-8") as f:
            source = f.read()
    else:
        source = call["code"]
        import linecache
        linecache.cache[path] = (len(source), None, source.splitlines(True), path)
    names = {"__name__": "millrace_task", "__file__": path}
    exec(compile(source, path, "exec"), names)
    if not callable(names.get(call["function"])):
        raise NameError("%s defines no function %r" % (path, call["function"]))
    result = names[call["function"]](*call["args"], **call["kwargs"])
    try:
        text = json.dumps(result, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError("the result of %s cannot be kept as XCom, which is JSON: %s" % (call["function"], error)) from None
    with os.fdopen(3, "w", encoding="utf-8") as out:
        out.write(text)
except SystemExit:
    raise
except BaseException as error:
    # The wrapper's own frame is of no use to anybody.
    tb = error.__traceback__.tb_next if error.__traceback__ and error.__traceback__.tb_next else error.__traceback__
    traceback.print_exception(type(error), error, tb)
    sys.exit(1)
`;
