# The whole package loads without a word, and so does the way back.
#
# @TEST-EXEC: zeek $PACKAGE %INPUT >output 2>&1
# @TEST-EXEC: zeek $PACKAGE/nslabs-verdict %INPUT >>output 2>&1
# @TEST-EXEC: btest-diff output

redef exit_only_after_terminate = T;

event quit()
	{
	print LogAscii::use_json;
	terminate();
	}

event zeek_init() &priority=-10
	{
	schedule 100msecs { quit() };
	}
