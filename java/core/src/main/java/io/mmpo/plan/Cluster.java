package io.mmpo.plan;

/**
 * Devices that train together. Rates are bytes a second; those of links are of one device, each way at the same time.
 *
 * @param link to devices of other nodes
 * @param nodeLink to the others of its node
 * @param memory of a device's memory, reading and writing together
 * @param flops operations a second that a device reaches
 */
public record Cluster(int nodes, int devicesPerNode, double link, double nodeLink, double memory, double flops) {
    public int devices() {
        return nodes * devicesPerNode;
    }

    /** The same machines, but so many of them; with one device a node where there is one alone. */
    public Cluster of(int otherNodes, int otherDevicesPerNode) {
        return new Cluster(otherNodes, otherDevicesPerNode, link, nodeLink, memory, flops);
    }

    /**
     * In which every device sends each other one its share of an array of so many bytes: an all-to-all of gradients, an all-gather of
     * weights. Both ways are used at once, so the slower one decides.
     */
    double exchangeSeconds(double bytes) {
        double all = devices();
        return Math.max(bytes * (devicesPerNode - 1) / all / nodeLink, bytes * (all - devicesPerNode) / all / link);
    }
}
