// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool: pinned memory pools with an in-kernel offset allocator
 */
#include "pinpool.h"

#include <linux/init.h>
#include <linux/module.h>

static int __init pinpool_init(void)
{
	int err;

	err = pinpool_buffer_init();
	if (err)
		return err;
	err = pinpool_hold_init();
	if (err)
		goto err_buffer;
	err = pinpool_pool_init();
	if (err)
		goto err_hold;
	err = pinpool_param_create_pools();
	if (err)
		goto err_pools;
	err = pinpool_pool_publish_all();
	if (err)
		goto err_pools;
	return 0;

err_pools:
	pinpool_pool_exit();
err_hold:
	pinpool_hold_exit();
err_buffer:
	pinpool_buffer_exit();
	return err;
}

/*
 * Files pin the module, and windows pin their file: no client is left here.
 */
static void __exit pinpool_exit(void)
{
	pinpool_pool_exit();
	pinpool_hold_exit();
	pinpool_buffer_exit();
}

module_init(pinpool_init);
module_exit(pinpool_exit);

MODULE_DESCRIPTION("Pinned memory pools with an in-kernel offset allocator");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
