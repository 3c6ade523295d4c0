// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool: pinned memory pools with an in-kernel offset allocator
 */
#include "pinpool.h"
#include "netlink.h"

#include <linux/init.h>
#include <linux/module.h>
#include <linux/workqueue.h>

/* Its works may let go of the module, so it is destroyed when they are done. */
struct workqueue_struct *pinpool_queue;

static int __init pinpool_init(void)
{
	int err;

	err = pinpool_buffer_init();
	if (err)
		return err;
	err = pinpool_hold_init();
	if (err)
		goto err_buffer;
	err = -ENOMEM;
	pinpool_queue = alloc_workqueue("pinpool", WQ_UNBOUND, 0);
	if (!pinpool_queue)
		goto err_hold;
	err = pinpool_backing_init();
	if (err)
		goto err_queue;
	err = pinpool_registry_init();
	if (err)
		goto err_backing;
	err = pinpool_param_create_pools();
	if (err)
		goto err_pools;
	err = pinpool_netlink_init();
	if (err)
		goto err_pools;
	err = pinpool_registry_publish_all();
	if (err)
		goto err_netlink;
	err = pinpool_of_init();
	if (err)
		goto err_netlink;
	err = pinpool_control_init();
	if (err)
		goto err_of;
	return 0;

err_of:
	pinpool_of_exit();
err_netlink:
	/* Pools tell of their end. */
	pinpool_registry_close();
	pinpool_netlink_exit();
err_pools:
	pinpool_registry_close();
	pinpool_registry_exit();
err_backing:
	pinpool_backing_exit();
err_queue:
	destroy_workqueue(pinpool_queue);
err_hold:
	pinpool_hold_exit();
err_buffer:
	pinpool_buffer_exit();
	return err;
}

/*
 * Files pin the module, and windows pin their file: no client is left here. Pools
 * tell of their end, so the family goes after them; none can be made meanwhile.
 */
static void __exit pinpool_exit(void)
{
	pinpool_control_exit();
	pinpool_of_exit();
	pinpool_registry_close();
	pinpool_netlink_exit();
	pinpool_registry_exit();
	pinpool_backing_exit();
	destroy_workqueue(pinpool_queue);
	pinpool_hold_exit();
	pinpool_buffer_exit();
}

module_init(pinpool_init);
module_exit(pinpool_exit);

MODULE_DESCRIPTION("Pinned memory pools with an in-kernel offset allocator");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
